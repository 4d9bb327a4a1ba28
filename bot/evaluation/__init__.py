"""How often is a preset right? Labelled sentences, and the counting."""
