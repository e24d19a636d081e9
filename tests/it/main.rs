//! The program from outside: commands, recipes, plugins.
