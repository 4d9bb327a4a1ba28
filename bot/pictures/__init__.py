"""Pictures for replies, from plain data: no Discord, no tensors, no tasks.

HarfBuzz shapes and rasterises text in Noto fonts, which pip installs; Pillow draws shapes and writes PNG. matplotlib
draws charts, but most of these pictures are wrapped text in any script.
"""
