/* SPDX-License-Identifier: MIT */
/*
 * payload - declared payloads are records of values (value.h); the tagged values of
 * `any` are in any_value.c.
 */
#include "state/payload.h"

#include <errno.h>

#include "state/any_value.h"
#include "state/value.h"

int payload_from_json(const struct record *record, const cJSON *value, struct buf *out,
                      struct err *e)
{
    int code;

    if (!record)
        code = any_from_json(value, out, e);
    else if (value && !cJSON_IsObject(value))
        code = err_set(e, -EINVAL, "the body must be an object");
    else
        code = value_fields_from_json(record->fields, record->n_fields, value, out, e);
    if (code == 0 && out->failed)
        code = err_set(e, -ENOMEM, "out of memory, or the body is too long");
    return code;
}

void payload_check(const struct record *record, struct wire_in *in)
{
    if (!record) {
        any_check(in);
        return;
    }
    for (uint32_t i = 0; i < record->n_fields; i++)
        value_check(&record->fields[i].type, in);
}

void payload_to_json(const struct record *record, struct wire_in *in, struct json_out *j)
{
    if (record)
        value_fields_to_json(record->fields, record->n_fields, in, j);
    else
        any_to_json(in, j);
}
