#include "json.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct json ABSENT = {NULL, 0};

static void fail(const char *what) {
    fprintf(stderr, "driver: the kit sent a line that cannot be read: %s\n", what);
    exit(2);
}

static const char *skip_space(const char *at) {
    while (isspace((unsigned char)*at)) at++;
    return at;
}

static const char *skip_string(const char *at) {
    for (at++; *at != '"'; at++) {
        if (*at == '\\') at++;
        if (*at == '\0') fail("a string does not end");
    }
    return at + 1;
}

/* Returns the place after a value. Depth is bounded by the text, which has no recursion here. */
static const char *skip_value(const char *at) {
    size_t depth = 0;
    do {
        if (*at == '"') {
            at = skip_string(at);
        } else if (*at == '{' || *at == '[') {
            depth++, at++;
        } else if (*at == '}' || *at == ']') {
            depth--, at++;
        } else if (*at == '\0') {
            fail("a value does not end");
        } else {
            at++;
            if (depth == 0)
                while (*at != '\0' && !isspace((unsigned char)*at) && strchr(",}]", *at) == NULL) at++;
        }
    } while (depth > 0);
    return at;
}

struct json json_read(const char *text) {
    const char *at = skip_space(text), *end = skip_value(at);
    return (struct json){at, (size_t)(end - at)};
}

bool json_exists(struct json value) { return value.at != NULL; }

static bool equals(struct json value, const char *text) {
    return value.at != NULL && value.length == strlen(text) && memcmp(value.at, text, value.length) == 0;
}

bool json_is_null(struct json value) { return value.at == NULL || equals(value, "null"); }

bool json_is_true(struct json value) { return equals(value, "true"); }

struct json json_text(struct json value) {
    if (value.at == NULL || *value.at != '"') fail("a string is missing");
    if (memchr(value.at, '\\', value.length) != NULL) fail("a string has an escape");
    return (struct json){value.at + 1, value.length - 2};
}

bool json_is(struct json value, const char *text) {
    return value.at != NULL && *value.at == '"' && equals(json_text(value), text);
}

struct json json_member(struct json value, const char *name) {
    if (value.at == NULL || *value.at != '{') return ABSENT;
    for (const char *at = skip_space(value.at + 1); *at != '}'; at = skip_space(at)) {
        struct json key = json_read(at);
        at = skip_space(key.at + key.length);
        if (*at++ != ':') fail("a colon is missing");
        struct json member = json_read(at);
        if (json_is(key, name)) return member;
        at = skip_space(member.at + member.length);
        if (*at == ',') at++;
    }
    return ABSENT;
}

struct json json_item(struct json value, size_t index) {
    if (value.at == NULL || *value.at != '[') return ABSENT;
    for (const char *at = skip_space(value.at + 1); *at != ']'; at = skip_space(at)) {
        struct json item = json_read(at);
        if (index-- == 0) return item;
        at = skip_space(item.at + item.length);
        if (*at == ',') at++;
    }
    return ABSENT;
}

int64_t json_signed(struct json value) {
    if (value.at == NULL) fail("a number is missing");
    return strtoll(value.at, NULL, 10);
}

uint64_t json_unsigned(struct json value) {
    if (value.at == NULL) fail("a number is missing");
    return strtoull(value.at, NULL, 10);
}
