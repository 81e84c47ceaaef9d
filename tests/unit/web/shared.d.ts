// SPDX-License-Identifier: MIT
// What a page may import as /<game>/shared.js: the functions of the game's shared.lua.
declare const shared: any;
export = shared;
