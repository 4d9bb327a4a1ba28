"""Sentences as people write them in chats, with the names that are in them: what `/entities` is measured with."""

from __future__ import annotations

from collections.abc import Mapping

NAMED_SENTENCES: Mapping[str, Mapping[str, str]] = {
    # Initials and abbreviations.
    "J.R.R. Tolkien lived in Oxford.": {"J.R.R. Tolkien": "PER", "Oxford": "LOC"},
    "George R. R. Martin was born in New Jersey.": {"George R. R. Martin": "PER", "New Jersey": "LOC"},
    "The U.S. Army has a base in Germany.": {"U.S. Army": "ORG", "Germany": "LOC"},
    "She moved to the U.S. in 1999.": {"U.S.": "LOC"},
    "Yesterday J. K. Rowling visited Edinburgh.": {"J. K. Rowling": "PER", "Edinburgh": "LOC"},
    "My aunt lives in Washington D.C. with Tom.": {"Washington D.C.": "LOC", "Tom": "PER"},
    "John F. Kennedy studied at Harvard University.": {"John F. Kennedy": "PER", "Harvard University": "ORG"},
    "She works for Apple Inc. in California.": {"Apple Inc.": "ORG", "California": "LOC"},
    # Contractions and possessives.
    "Who's Ann? It's Bob!": {"Ann": "PER", "Bob": "PER"},
    "I've met Maria. That’s Peter.": {"Maria": "PER", "Peter": "PER"},
    "Don't tell Anna. She'll call Tom.": {"Anna": "PER", "Tom": "PER"},
    "Ann's brother works at Microsoft.": {"Ann": "PER", "Microsoft": "ORG"},
    "Let's go to Paris! We’re at Julia’s house.": {"Paris": "LOC", "Julia": "PER"},
    "There's a letter for Robert. What'd Laura say?": {"Robert": "PER", "Laura": "PER"},
    # Names that are words as well.
    "Will Smith met May Parker. Who's Ann? It's Bob!": {
        "Will Smith": "PER",
        "May Parker": "PER",
        "Ann": "PER",
        "Bob": "PER",
    },
    "Will you come? May I ask Tom?": {"Tom": "PER"},
    "April Jones was born in April in Dublin.": {"April Jones": "PER", "Dublin": "LOC"},
    "Mark Brown called me in March.": {"Mark Brown": "PER"},
    "Yesterday Will and Anna went to London.": {"Will": "PER", "Anna": "PER", "London": "LOC"},
    "Will Ann come to Rome?": {"Ann": "PER", "Rome": "LOC"},
    "In May Peter moved to Spain.": {"Peter": "PER", "Spain": "LOC"},
    # Sentences that begin with other words.
    "Suddenly Tom laughed.": {"Tom": "PER"},
    "Unfortunately Maria lost her job at Nokia.": {"Maria": "PER", "Nokia": "ORG"},
    "Meanwhile in Tokyo, Ken ate dinner.": {"Tokyo": "LOC", "Ken": "PER"},
    "Hey Robert, are you still in Chicago?": {"Robert": "PER", "Chicago": "LOC"},
    # All capitals.
    "ANN LIVES IN BERLIN": {"ANN": "PER", "BERLIN": "LOC"},
    "I LOVE NEW YORK!": {"NEW YORK": "LOC"},
    "JOHN SMITH WORKS AT GOOGLE": {"JOHN SMITH": "PER", "GOOGLE": "ORG"},
    "OMG Maria is in Paris LOL": {"Maria": "PER", "Paris": "LOC"},
    # Particles, hyphens and apostrophes.
    "Vincent van Gogh painted in Arles.": {"Vincent van Gogh": "PER", "Arles": "LOC"},
    "Maria de la Cruz lives in Mexico City.": {"Maria de la Cruz": "PER", "Mexico City": "LOC"},
    "Jean-Luc Picard met Shaquille O'Neill.": {"Jean-Luc Picard": "PER", "Shaquille O'Neill": "PER"},
    "Ursula von der Leyen visited Warsaw.": {"Ursula von der Leyen": "PER", "Warsaw": "LOC"},
    "Leonardo da Vinci was born near Florence.": {"Leonardo da Vinci": "PER", "Florence": "LOC"},
    # Titles.
    "Dr. Smith works in Boston.": {"Smith": "PER", "Boston": "LOC"},
    "Mr. and Mrs. Jones visited Vienna.": {"Jones": "PER", "Vienna": "LOC"},
    "We asked Prof. Anna Müller.": {"Anna Müller": "PER"},
    # What is no prose.
    "Nice <:KappaPride:223456789012345678> game": {},
    "Ask <@123456789012345678> in <#223456789012345678> about Berlin": {"Berlin": "LOC"},
    "See https://en.wikipedia.org/wiki/Albert_Einstein, Tom.": {"Tom": "PER"},
    "Run `Import-Module Foo`, Anna.": {"Anna": "PER"},
    "Write to Ann.Lee@Example.com or call Tom.": {"Tom": "PER"},
    "```py\nclass Parser(Base): pass\n```\nMaria wrote this.": {"Maria": "PER"},
    # Emoji between names.
    "👨‍👩‍👧‍👦🏳️‍🌈 Ann lives in 🇩🇪 Berlin 😀😀 and works at Siemens.": {
        "Ann": "PER",
        "Berlin": "LOC",
        "Siemens": "ORG",
    },
    # No names at all.
    "Yesterday it rained. We stayed. Why?": {},
    "I'm tired. That's all, and on Monday I'll sleep.": {},
}
"""Each text with its names, and whether they are a person (PER), a place (LOC) or an organisation (ORG)."""

HELD_BACK: Mapping[str, Mapping[str, str]] = {
    "G. K. Chesterton wrote to H.G. Wells from Beaconsfield.": {
        "G. K. Chesterton": "PER",
        "H.G. Wells": "PER",
        "Beaconsfield": "LOC",
    },
    "The U.N. sent Carl to Kenya.": {"U.N.": "ORG", "Carl": "PER", "Kenya": "LOC"},
    "He'd moved to Canada before Lucy's wedding.": {"Canada": "LOC", "Lucy": "PER"},
    "What’s Daniel doing in Lisbon?": {"Daniel": "PER", "Lisbon": "LOC"},
    "They're from Sweden, aren't they?": {"Sweden": "LOC"},
    "Rose Miller told me that Bill left.": {"Rose Miller": "PER", "Bill": "PER"},
    "Will May Taylor come on May 5?": {"May Taylor": "PER"},
    "June said that Grant lives in Norway.": {"June": "PER", "Grant": "PER", "Norway": "LOC"},
    "WHY IS PETER STILL IN MOSCOW?": {"PETER": "PER", "MOSCOW": "LOC"},
    "MY BROTHER MOVED TO LOS ANGELES": {"LOS ANGELES": "LOC"},
    "Otto von Bismarck met Simone de Beauvoir's aunt.": {"Otto von Bismarck": "PER", "Simone de Beauvoir": "PER"},
    "Anne-Marie O’Connor works for Toyota.": {"Anne-Marie O’Connor": "PER", "Toyota": "ORG"},
    "Mrs. Baker and Captain Haddock sailed to Peru.": {"Baker": "PER", "Haddock": "PER", "Peru": "LOC"},
    "Anyway, thanks <@!323456789012345678>! Greetings from Finland :Party:": {"Finland": "LOC"},
    "Look at www.Example.org/Team or @Sandra, and ask Lena.": {"Lena": "PER"},
    "🎉🎉 Happy birthday Sophie! 🇫🇷 Greetings from Lyon": {"Sophie": "PER", "Lyon": "LOC"},
    "Honestly, nobody cares. Stop it.": {},
    "Great game. Nice shot! Well played.": {},
}
"""The same, written down when the rules for those above were finished."""
