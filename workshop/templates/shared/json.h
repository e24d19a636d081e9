/* Reads values out of JSON text that is known to be valid. Nothing is copied. */
#ifndef JSON_H
#define JSON_H

#include <stdbool.h>
#include <stddef.h>
#include <string.h>

/* A value in the text; there is none when `start` equals `end`. */
typedef struct {
    const char *start;
    const char *end;
} json;

static const char *json_skip_space(const char *at, const char *end) {
    while (at < end && strchr(" \t\r\n,:", *at)) at++;
    return at;
}

/* The place behind the string that begins at `at`. */
static const char *json_skip_string(const char *at, const char *end) {
    for (at++; at < end && *at != '"'; at++) {
        if (*at == '\\') at++;
    }
    return at < end ? at + 1 : end;
}

/* The value that begins at `at`, behind spaces and separators. */
static json json_at(const char *at, const char *end) {
    json value = {json_skip_space(at, end), end};
    size_t depth = 0;
    for (at = value.start; at < end;) {
        if (*at == '"') {
            at = json_skip_string(at, end);
        } else if (*at == '{' || *at == '[') {
            depth++;
            at++;
        } else if (*at == '}' || *at == ']') {
            if (depth == 0) break;
            depth--;
            at++;
        } else if (depth == 0 && strchr(" \t\r\n,:", *at)) {
            break;
        } else {
            at++;
            continue;
        }
        if (depth == 0) break;
    }
    value.end = at;
    return value;
}

/* Whether `value` is the string `text`, which has nothing to escape. */
static bool json_is(json value, const char *text) {
    size_t length = strlen(text);
    return (size_t)(value.end - value.start) == length + 2 && *value.start == '"' &&
           memcmp(value.start + 1, text, length) == 0;
}

/* Whether both are written the same. */
static bool json_equals(json one, json other) {
    size_t length = (size_t)(one.end - one.start);
    return length == (size_t)(other.end - other.start) &&
           memcmp(one.start, other.start, length) == 0;
}

/* The value of `key` in an object; none when `object` has no such key or is no object. */
static json json_member(json object, const char *key) {
    json none = {object.end, object.end};
    if (object.start == object.end || *object.start != '{') return none;
    for (const char *at = object.start + 1;;) {
        json name = json_at(at, object.end);
        if (name.start == name.end) return none;
        json value = json_at(name.end, object.end);
        if (json_is(name, key)) return value;
        at = value.end;
    }
}

/* Moves `item` to the next item of `array`; it starts as `{array.start, array.start}`. */
static bool json_next(json array, json *item) {
    if (array.start == array.end || *array.start != '[') return false;
    *item = json_at(item->end == array.start ? array.start + 1 : item->end, array.end);
    return item->start != item->end;
}

/* A whole number; false for anything else. */
static bool json_integer(json value, long *number) {
    const char *at = value.start;
    bool is_negative = at < value.end && *at == '-';
    if (is_negative) at++;
    if (at == value.end || value.end - at > 9) return false;
    for (*number = 0; at < value.end; at++) {
        if (*at < '0' || *at > '9') return false;
        *number = *number * 10 + (*at - '0');
    }
    if (is_negative) *number = -*number;
    return true;
}

#endif
