"""How often one client may ask, and who counts as one."""
