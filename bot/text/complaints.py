"""What is said about a text that models cannot read: whole sentences for each thing that a text may be."""

from __future__ import annotations

from collections.abc import Mapping

from bot.locales.message import Message, later

EMPTY: Mapping[str, Message] = {
    "text": later("The text is empty. Please write something for the model to read."),
    "file": later("The file is empty. Please write something for the model to read."),
    "question": later("The question is empty. Please write something for the model to read."),
    "context": later("The context is empty. Please write something for the model to read."),
    "message": later("The message is empty. Please write something for the model to read."),
    "second text": later("The second text is empty. Please write something for the model to read."),
    "label": later("The label is empty. Please write something for the model to read."),
    "prompt": later("The prompt is empty. Please write something for the model to read."),
    "description": later("The description is empty. Please write something for the model to read."),
    "reference": later("The reference is empty. Please write something for the model to read."),
}
TOO_LONG: Mapping[str, Message] = {
    "text": later("The text has {number} characters, and I can read {limit} at most. Please shorten it."),
    "file": later("The file has {number} characters, and I can read {limit} at most. Please shorten it."),
    "question": later("The question has {number} characters, and I can read {limit} at most. Please shorten it."),
    "context": later("The context has {number} characters, and I can read {limit} at most. Please shorten it."),
    "message": later("The message has {number} characters, and I can read {limit} at most. Please shorten it."),
    "second text": later("The second text has {number} characters, and I can read {limit} at most. Please shorten it."),
    "label": later("The label has {number} characters, and I can read {limit} at most. Please shorten it."),
    "prompt": later("The prompt has {number} characters, and I can read {limit} at most. Please shorten it."),
    "description": later("The description has {number} characters, and I can read {limit} at most. Please shorten it."),
    "reference": later("The reference has {number} characters, and I can read {limit} at most. Please shorten it."),
}
"""With the fields `number` and `limit`."""
NO_WORDS: Mapping[str, Message] = {
    "text": later("There are no words in the text. Please add some for the model to read."),
    "file": later("There are no words in the file. Please add some for the model to read."),
    "question": later("There are no words in the question. Please add some for the model to read."),
    "context": later("There are no words in the context. Please add some for the model to read."),
    "message": later("There are no words in the message. Please add some for the model to read."),
    "second text": later("There are no words in the second text. Please add some for the model to read."),
    "label": later("There are no words in the label. Please add some for the model to read."),
    "prompt": later("There are no words in the prompt. Please add some for the model to read."),
    "description": later("There are no words in the description. Please add some for the model to read."),
    "reference": later("There are no words in the reference. Please add some for the model to read."),
}
