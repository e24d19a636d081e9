/* The edits on small graphs: `cc -std=c17 -o target/test test.c && target/test`. */

#include <stdio.h>

#include "stamp.h"

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

static json parsed(const char *from) { return json_at(from, from + strlen(from)); }

/* The file `view.json`: the graph of `model/model.onnx` as the pass is shown it. */
static const char *view(void) {
    static char bytes[1 << 16];
    FILE *file = fopen("view.json", "rb");
    if (!file) return "";
    bytes[fread(bytes, 1, sizeof bytes - 1, file)] = 0;
    fclose(file);
    return bytes;
}

int main(void) {
    json config = parsed("{\"owner\": \"team \\\"A\\\"\"}");
    text edits = {0}, problem = {0};
    expect(stamp(parsed(view()), config, &edits, &problem), "a model without an owner is stamped");
    expect(equals(edits,
                  "[{\"edit\": \"set_metadata\", \"key\": \"owner\", \"value\": \"team \\\"A\\\"\"}, "
                  "{\"edit\": \"set_metadata\", \"key\": \"num_nodes\", \"value\": \"4\"}]"),
           "the edits have owner and number of nodes");

    json ours = parsed("{\"metadata\": {\"owner\": \"team \\\"A\\\"\"}, \"graph\": {\"nodes\": []}}");
    expect(stamp(ours, config, &edits, &problem), "its own stamp is written again");
    json others = parsed("{\"metadata\": {\"owner\": \"team B\"}, \"graph\": {\"nodes\": []}}");
    expect(!stamp(others, config, &edits, &problem), "the stamp of others stays");
    expect(equals(problem, "the model has the owner `team B`"), "the problem names the owner");

    if (!failures) puts("ok");
    return failures != 0;
}
