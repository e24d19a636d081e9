/* The rules on small documents: `cc -std=c17 -o target/test test.c && target/test`. */

#include <stdio.h>

#include "rules.h"

static int failures = 0;

static void expect(bool is_so, const char *what) {
    if (!is_so) {
        failures++;
        fprintf(stderr, "FAILED: %s\n", what);
    }
}

static bool equals(text told, const char *expected) {
    return told.bytes && strcmp(told.bytes, expected) == 0;
}

/* What is said of an adapter of rank `r`, with `config` of the validator. */
static size_t told(const char *name, const char *r, const char *config, finding **findings) {
    static char document[512];
    snprintf(document, sizeof document,
             "{\"workflow\": {\"passes\": [\"]\\\"}\"]}, \"config\": %s, \"steps\": [ {\"pointer\": "
             "\"/passes/%s\", \"config\": {\"r\" : %s}, \"adapter\": \"adds\"},\n {\"config\": {}}]}",
             config, name, r);
    return check(json_at(document, document + strlen(document)), findings);
}

int main(void) {
    finding *found;
    expect(told("lora", "16", "{}", &found) == 0, "a rank at the limit is silent");
    expect(told("lora", "64.5", "{}", &found) == 0, "no whole number is silent");
    expect(told("lora", "64", "{\"max_rank\": 64}", &found) == 0, "the limit is a setting");
    expect(told("lora", "65", "{\"max_rank\": 64}", &found) == 1, "above the setting it speaks");

    expect(told("lora", "64", "{}", &found) == 1, "a rank above the limit is told");
    expect(equals(found->pointer, "/passes/lora/r"), "the pointer is the setting's");
    expect(equals(found->message, "the adapter has rank 64, and the server takes 16 at most"),
           "the message has both numbers");
    expect(equals(found->patch, "[{\"op\": \"add\", \"path\": \"/passes/lora/r\", \"value\": 16}]"),
           "the fix writes the limit");

    told("a\\\"\\u00e9\\ud83d\\ude00", "64", "{}", &found);
    expect(equals(found->pointer, "/passes/a\"\xc3\xa9\xf0\x9f\x98\x80/r"), "escapes are read");

    if (!failures) puts("ok");
    return failures != 0;
}
