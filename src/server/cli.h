/* SPDX-License-Identifier: MIT */
/*
 * cli - the command line: which command, with which settings.
 *
 * Thread: main.
 */
#pragma once

/* Run the program; returns its exit code: 0, 1 findings, 64 usage, 65 bad script,
 * 69 unavailable (a port in use), 78 configuration. */
int cli_main(int argc, char **argv);
