/* SPDX-License-Identifier: MIT */
/*
 * record - the record types and fixed numbers of PROTOCOL.md.
 *
 * Pure facts, no code. The same numbers stand in scripts/web/wire.js.
 */
#pragma once

enum {
    RECORD_VERSION = 1,

    RECORD_HELLO = 0x01,
    RECORD_SCHEMA = 0x02,
    RECORD_SNAPSHOT = 0x03,
    RECORD_DELTA = 0x04,
    RECORD_EVENT = 0x05,
    RECORD_PONG = 0x06,
    RECORD_BYE = 0x07,
    RECORD_KEYS = 0x08,
    RECORD_REPLY = 0x09,
    RECORD_VOLATILE = 0x0a, /* an EVENT that is not counted */
    RECORD_DEV = 0x40,
    RECORD_ROOM = 0x41,
    RECORD_QUEUE = 0x42,

    RECORD_C_HELLO = 0x81,
    RECORD_C_INPUT = 0x82,
    RECORD_C_PING = 0x83,
    RECORD_C_ACK = 0x84,
    RECORD_C_EVENT = 0x85,
    RECORD_C_RESYNC = 0x86,
    RECORD_C_REQUEST = 0x87,
    RECORD_C_SCHEMA_OK = 0x88,

    RECORD_TOKEN_BYTES = 16,

    /* SNAPSHOT and DELTA flags */
    RECORD_MORE_PARTS = 1,
    RECORD_INPUT_ACK = 1,
    RECORD_RESUME = 2,
    RECORD_SNAPSHOT_ACK = 2,

    /* ROOM flags */
    RECORD_IS_PRIVATE = 1,
    RECORD_IS_SPECTATOR = 2,

    /* runs of a section, in the order in which they follow */
    RUN_KEEP = 1,
    RUN_LEAVE = 2,
    RUN_ENTER = 4,
    RUN_SET = 8,
    RUN_UPDATE = 16,

    /* tags of an `any` value */
    ANY_NIL = 0,
    ANY_FALSE = 1,
    ANY_TRUE = 2,
    ANY_INT = 3,
    ANY_F64 = 4,
    ANY_STR = 5,
    ANY_ARRAY = 6,
    ANY_MAP = 7,
    ANY_BYTES = 8,
    ANY_MAX_DEPTH = 16,
};
