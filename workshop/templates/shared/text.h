/* Text that grows. */
#ifndef TEXT_H
#define TEXT_H

#include <stdlib.h>
#include <string.h>

#include "json.h"

typedef struct {
    char *bytes;
    size_t length;
} text;

static void text_add_bytes(text *to, const char *bytes, size_t length) {
    to->bytes = realloc(to->bytes, to->length + length + 1);
    if (!to->bytes) abort();
    memcpy(to->bytes + to->length, bytes, length);
    to->length += length;
    to->bytes[to->length] = 0;
}

static void text_add(text *to, const char *string) { text_add_bytes(to, string, strlen(string)); }

static void text_add_integer(text *to, long number) {
    char digits[24];
    size_t at = sizeof digits;
    unsigned long rest = number < 0 ? -(unsigned long)number : (unsigned long)number;
    do {
        digits[--at] = (char)('0' + rest % 10);
        rest /= 10;
    } while (rest);
    if (number < 0) digits[--at] = '-';
    text_add_bytes(to, digits + at, sizeof digits - at);
}

/* Adds what stands between the quotes of a JSON string, as it is. */
static void text_add_quoted(text *to, json string) {
    text_add_bytes(to, string.start + 1, (size_t)(string.end - string.start) - 2);
}

static unsigned text_hex(const char *at) {
    unsigned code = 0;
    for (int digit = 0; digit < 4; digit++) {
        char c = at[digit];
        unsigned value = c <= '9' ? (unsigned)(c - '0') : (unsigned)((c | 32) - 'a') + 10;
        code = code << 4 | value;
    }
    return code;
}

static void text_add_code(text *to, unsigned code) {
    char bytes[4];
    size_t length = code < 0x80 ? 1 : code < 0x800 ? 2 : code < 0x10000 ? 3 : 4;
    for (size_t at = length; at-- > 1; code >>= 6) bytes[at] = (char)(0x80 | (code & 0x3f));
    bytes[0] = (char)(length == 1 ? code : code | (0xf00u >> length & 0xf0));
    text_add_bytes(to, bytes, length);
}

/* Adds what a JSON string means. */
static void text_add_json(text *to, json string) {
    static const char escapes[] = "b\bf\fn\nr\rt\t";
    for (const char *at = string.start + 1; at < string.end - 1; at++) {
        if (*at != '\\') {
            text_add_bytes(to, at, 1);
        } else if (*++at == 'u') {
            unsigned code = text_hex(at + 1);
            at += 4;
            if (code >= 0xd800 && code < 0xdc00) {
                code = 0x10000 + ((code - 0xd800) << 10) + (text_hex(at + 3) - 0xdc00);
                at += 6;
            }
            text_add_code(to, code);
        } else {
            const char *escape = strchr(escapes, *at);
            text_add_bytes(to, escape ? escape + 1 : at, 1);
        }
    }
}

#endif
