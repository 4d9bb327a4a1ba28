"""The libraries that run models: imported in the background, without what this process doesn't use of them."""

from __future__ import annotations

import contextlib
import ctypes
import gc
import importlib.util
import logging
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

from bot.errors import describe

log = logging.getLogger(__name__)

COMPILER = "torch._dynamo"
_MASKS = f"{COMPILER}._trace_wrapped_higher_order_op"


IMPORTING = threading.Lock()
"""Held while they are imported: a package whose parts two threads import at once may be half there for one of them."""


def import_in_background() -> threading.Thread:
    """Import them on a thread, without garbage collection until they are there; failures are left to `import_all`."""
    # Importing makes hundreds of thousands of objects that stay, through which garbage collection would go again and
    # again: a fifth of the time.
    gc.disable()
    thread = threading.Thread(target=_import_quietly, name="glassbox-libraries", daemon=True)
    thread.start()
    return thread


def import_all() -> None:
    """Import them, unless that has been done; wait for a thread that is about it.

    Raises:
        ImportError: they are not installed.
    """
    with IMPORTING:
        if "transformers.modeling_utils" in sys.modules:
            return
        _open_shared_library()
        import torch  # noqa: F401

        _leave_out_distribution()
        with compiler_deferred():
            import transformers.modeling_layers
            import transformers.modeling_utils
            import transformers.models.auto.modeling_auto
            import transformers.models.auto.tokenization_auto  # noqa: F401


def _import_quietly() -> None:
    try:
        import_all()
    except Exception as error:  # who needs them tells people
        log.debug("the libraries could not be imported ahead of time: %s", describe(error))
    finally:
        gc.freeze()
        gc.enable()


def _open_shared_library() -> None:
    """Open PyTorch's largest library as `import torch` will, but without keeping other threads waiting."""
    spec = importlib.util.find_spec("torch")
    for place in () if spec is None else spec.submodule_search_locations or ():
        library = Path(place, "lib", "libtorch_python.so")
        # With CUDA it needs libraries that PyTorch looks for itself.
        if library.exists() and not library.with_name("libtorch_cuda.so").exists():
            with contextlib.suppress(OSError):
                ctypes.CDLL(str(library))


@contextlib.contextmanager
def compiler_deferred() -> Iterator[None]:
    """Have PyTorch and transformers import no compiler while the body runs. One body at a time.

    It is eight hundred modules, a fifth of the time of a start and 80 MB. They only mark some functions for
    `torch.compile`, which nothing here calls; whatever else they want of the compiler, they get.
    """
    if COMPILER not in sys.modules:
        sys.modules[COMPILER], sys.modules[_MASKS] = _StandIn(), _stand_in_for_masks()
    try:
        yield
    finally:
        _restore_compiler()


def _leave_out_distribution() -> None:
    """Have transformers, as long as this process runs, not look for what divides a model among processes."""
    from transformers import utils
    from transformers.utils import import_utils

    utils.is_torch_distributed_available = import_utils.is_torch_distributed_available = _no


def _no() -> bool:
    return False


def _restore_compiler() -> None:
    """Have the next import of the compiler be the real one."""
    for name in (COMPILER, _MASKS):
        if isinstance(sys.modules.get(name), _StandIn):
            del sys.modules[name]


class _StandIn(ModuleType):
    """Marks nothing for the compiler; for anything else, the compiler itself takes its place."""

    def __init__(self, name: str = COMPILER) -> None:
        super().__init__(name)
        self.disable = self.allow_in_graph = self.assume_constant_result = _unmarked

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):  # the machinery of imports
            raise AttributeError(name)
        _restore_compiler()
        return getattr(importlib.import_module(self.__name__), name)


def _stand_in_for_masks() -> ModuleType:
    module = _StandIn(_MASKS)
    vars(module)["TransformGetItemToIndex"] = _deferred("TransformGetItemToIndex")
    return module


def _deferred(name: str) -> Callable[..., Any]:
    """Return a stand-in for a class of the compiler, which is imported when one is made."""

    def make(*arguments: Any, **options: Any) -> Any:
        return getattr(importlib.import_module(_MASKS), name)(*arguments, **options)

    return make


def _unmarked(function: Callable[..., Any] | None = None, *arguments: object, **options: object) -> Callable[..., Any]:
    return function if function is not None else _unmarked
