/* Settings of the pass and the edits it makes, as a plain function of the graph. */
#ifndef STAMP_H
#define STAMP_H

#include "json.h"
#include "text.h"

#define VERSION "0.1.0"
#define DESCRIPTION "Writes the owner of an ONNX model into its metadata."
#define SUMMARY "Write the owner and the number of nodes into the metadata."

/* JSON schema (draft-07) of what a workflow sets beside `"type": "AcmeStamp"`. */
#define SETTINGS                                                                   \
    "{\"title\": \"AcmeStampConfig\", \"description\": \"Settings of the pass.\"," \
    " \"type\": \"object\", \"additionalProperties\": false, \"required\": [\"owner\"]," \
    " \"properties\": {\"owner\": {\"description\": \"Who answers for the model.\"," \
    " \"type\": \"string\", \"minLength\": 1}}}"

/* Adds the edit that gives `key` a value; the caller adds what is between the quotes. */
static void open_edit(text *edits, const char *key) {
    text_add(edits, "{\"edit\": \"set_metadata\", \"key\": \"");
    text_add(edits, key);
    text_add(edits, "\", \"value\": \"");
}

/* Whether the model can be stamped: fills in the list of edits, or else why not. */
static bool stamp(json view, json config, text *edits, text *problem) {
    json owner = json_member(config, "owner");
    json former = json_member(json_member(view, "metadata"), "owner");
    if (former.start != former.end && !json_equals(former, owner)) {
        text_add(problem, "the model has the owner `");
        text_add_json(problem, former);
        text_add(problem, "`");
        return false;
    }
    long count = 0;
    json nodes = json_member(json_member(view, "graph"), "nodes");
    for (json node = {nodes.start, nodes.start}; json_next(nodes, &node);) count++;

    text_add(edits, "[");
    open_edit(edits, "owner");
    text_add_quoted(edits, owner);
    text_add(edits, "\"}, ");
    open_edit(edits, "num_nodes");
    text_add_integer(edits, count);
    text_add(edits, "\"}]");
    return true;
}

#endif
