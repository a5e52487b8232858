#pragma once

// Greets from a process of its own; gives back that process's exit code, -1 when it has none.
int greet_in_a_process();
