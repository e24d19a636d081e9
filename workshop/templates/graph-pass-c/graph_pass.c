/* An Olive graph pass: the edits of `stamp.h` as the exports of a component. */

#include "graph_pass_plugin.h"

#include "stamp.h"

typedef graph_pass_plugin_string_t string;
typedef exports_olive_plugin_graph_pass_pass_info_t pass_info;

static string own(text from) { return (string){(uint8_t *)from.bytes, from.length}; }

static json parsed(const string *from) {
    const char *start = (const char *)from->ptr;
    return json_at(start, start + from->len);
}

/* The host frees what it is given, so a constant is copied. */
static string copy(const char *from) {
    string to;
    graph_pass_plugin_string_dup(&to, from);
    return to;
}

void exports_olive_plugin_plugin_describe(exports_olive_plugin_plugin_manifest_t *ret) {
    graph_pass_plugin_tuple2_string_string_t *accepts = malloc(sizeof *accepts);
    if (!accepts) abort();
    accepts->f0 = copy("graph");
    accepts->f1 = copy("^0.1");
    *ret = (exports_olive_plugin_plugin_manifest_t){
        .id = copy("acme-stamp"),
        .version = copy(VERSION),
        .description = copy(DESCRIPTION),
        .accepts = {accepts, 1},
        .extra = copy("{}"),
    };
}

bool exports_olive_plugin_graph_pass_passes(
    exports_olive_plugin_graph_pass_list_pass_info_t *ret,
    exports_olive_plugin_graph_pass_plugin_error_t *err) {
    (void)err;
    ret->len = 1;
    ret->ptr = malloc(sizeof *ret->ptr);
    if (!ret->ptr) abort();
    *ret->ptr = (pass_info){copy("AcmeStamp"), copy(SUMMARY), copy(SETTINGS)};
    return true;
}

/* There is one pass, so its name needs no look. */
bool exports_olive_plugin_graph_pass_transform(
    string *name,
    string *graph,
    string *config,
    exports_olive_plugin_graph_pass_context_t *ctx,
    string *ret,
    exports_olive_plugin_graph_pass_plugin_error_t *err) {
    (void)name;
    (void)ctx;
    text edits = {0}, problem = {0};
    if (!stamp(parsed(graph), parsed(config), &edits, &problem)) {
        err->tag = OLIVE_PLUGIN_TYPES_PLUGIN_ERROR_INVALID_INPUT;
        err->val.invalid_input = own(problem);
        return false;
    }
    *ret = own(edits);
    return true;
}
