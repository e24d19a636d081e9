/* Settings and rules, as plain functions of a document. */
#ifndef RULES_H
#define RULES_H

#include "json.h"
#include "text.h"

#define VERSION "0.1.0"
#define SUMMARY "Limits of the server that our adapters run on."
#define EXTRA                                                     \
    "{\"rules\": [{\"code\": \"rank-too-large\", \"summary\": "  \
    "\"An adapter has a larger rank than the server takes.\"}]}"

/* JSON schema (draft-07) of what a workflow sets under `validators.config.acme-rules`. */
#define SETTINGS                                                                   \
    "{\"title\": \"AcmeRulesConfig\", \"description\": \"Settings of the validator.\"," \
    " \"type\": \"object\", \"additionalProperties\": false, \"properties\": {"    \
    "\"max_rank\": {\"description\": "                                             \
    "\"Largest rank of an adapter that the server takes.\","                       \
    " \"type\": \"integer\", \"minimum\": 1, \"default\": 16}}}"

/* One rule's word on one step. */
typedef struct {
    text pointer;
    text message;
    text help;
    text title;
    text patch;
} finding;

/* Whether the adapter of `step` has a larger rank than the server takes; fills in `found`. */
static bool rank_too_large(json step, long limit, finding *found) {
    long rank;
    if (!json_is(json_member(step, "adapter"), "adds")) return false;
    if (!json_integer(json_member(json_member(step, "config"), "r"), &rank)) return false;
    if (rank <= limit) return false;

    json pointer = json_member(step, "pointer");
    text_add_json(&found->pointer, pointer);
    text_add(&found->pointer, "/r");
    text_add(&found->message, "the adapter has rank ");
    text_add_integer(&found->message, rank);
    text_add(&found->message, ", and the server takes ");
    text_add_integer(&found->message, limit);
    text_add(&found->message, " at most");
    text_add(&found->help, "lower `r` to ");
    text_add_integer(&found->help, limit);
    text_add(&found->help, ", or serve the adapter elsewhere");
    text_add(&found->title, "Lower `r` to ");
    text_add_integer(&found->title, limit);
    text_add(&found->patch, "[{\"op\": \"add\", \"path\": \"");
    text_add_quoted(&found->patch, pointer);
    text_add(&found->patch, "/r\", \"value\": ");
    text_add_integer(&found->patch, limit);
    text_add(&found->patch, "}]");
    return true;
}

/* Finds what is wrong with the document; gives the number of findings, which the caller owns. */
static size_t check(json document, finding **findings) {
    long limit = 16;
    size_t count = 0;
    *findings = NULL;
    json_integer(json_member(json_member(document, "config"), "max_rank"), &limit);
    json steps = json_member(document, "steps");
    for (json step = {steps.start, steps.start}; json_next(steps, &step);) {
        finding found = {0};
        if (!rank_too_large(step, limit, &found)) continue;
        *findings = realloc(*findings, (count + 1) * sizeof found);
        if (!*findings) abort();
        (*findings)[count++] = found;
    }
    return count;
}

#endif
