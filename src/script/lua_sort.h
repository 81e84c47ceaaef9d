/* SPDX-License-Identifier: MIT */
/*
 * lua_sort - table.sort as a merge sort.
 *
 * Lua's own is a quicksort, which on some inputs compares every element with every
 * other one, inside C, where nothing stops it. This one makes n log n comparisons
 * whatever the input. It is stable, and an order that contradicts itself (a < b and
 * b < a) gives some order instead of an error.
 *
 * Thread: the VM's.
 */
#pragma once

#include <lua.h>

/* sort(list [, comes_before]); raises as Lua's does for what cannot be compared.
 * Takes the `struct vm` as upvalue 1. */
int lua_sort(lua_State *L);
