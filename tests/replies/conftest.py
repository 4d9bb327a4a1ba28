from __future__ import annotations

from hypothesis import settings

# A busy machine is no fault of the tested code.
settings.register_profile("glassbox", deadline=None)
settings.load_profile("glassbox")
