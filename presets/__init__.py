"""The shipped presets, as data: one complete TOML file each. No code lives here (see ``pointsra.settings``)."""
