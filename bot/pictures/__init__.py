"""Pictures for replies, from plain data: no Discord, no tensors, no tasks.

Text is shaped and rasterised by HarfBuzz, in Noto fonts that pip installs; shapes and PNG are Pillow's. matplotlib was
the plan: it draws charts, and most of these pictures are set text, in any script, that has to wrap.
"""
