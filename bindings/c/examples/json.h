/* Reads JSON in place: a value is a part of the text. Only what the lines of the conformance kit need. */
#ifndef JSON_H
#define JSON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct json {
    const char *at; /* null for an absent value */
    size_t length;
};

/* The value of a text; it ends the program if the text is no JSON. */
struct json json_read(const char *text);

/* The member of an object; absent if there is none, or if the value is no object. */
struct json json_member(struct json value, const char *name);

/* The item of an array; absent after the last one. */
struct json json_item(struct json value, size_t index);

/* The content of a string without escapes; it ends the program if there are any. */
struct json json_text(struct json value);

/* Whether the value is this string. */
bool json_is(struct json value, const char *text);

bool json_exists(struct json value);
bool json_is_null(struct json value);
bool json_is_true(struct json value);
int64_t json_signed(struct json value);
uint64_t json_unsigned(struct json value);

#endif
