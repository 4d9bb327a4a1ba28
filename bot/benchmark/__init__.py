"""How fast is it? The worker under load, beside a naive bot and beside the hardware's limit, in one run."""
