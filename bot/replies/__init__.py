"""Results as Discord shows them: bars, escaped text, limits, files, and how a reply reaches the person who asked."""
