"""Message components: buttons, menus, pages, modals, autocompletion."""
