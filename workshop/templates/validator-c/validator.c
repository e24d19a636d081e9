/* An Olive validator: the rules of `rules.h` as the exports of a component. */

#include "validator_plugin.h"

#include "rules.h"

typedef validator_plugin_string_t string;
typedef olive_plugin_types_diagnostic_t diagnostic;

static string own(text from) { return (string){(uint8_t *)from.bytes, from.length}; }

/* The host frees what it is given, so a constant is copied. */
static string copy(const char *from) {
    string to;
    validator_plugin_string_dup(&to, from);
    return to;
}

void exports_olive_plugin_plugin_describe(exports_olive_plugin_plugin_manifest_t *ret) {
    validator_plugin_tuple2_string_string_t *accepts = malloc(sizeof *accepts);
    if (!accepts) abort();
    accepts->f0 = copy("workflow");
    accepts->f1 = copy("^0.1");
    *ret = (exports_olive_plugin_plugin_manifest_t){
        .id = copy("acme-rules"),
        .version = copy(VERSION),
        .description = copy(SUMMARY),
        .accepts = {accepts, 1},
        .extra = copy(EXTRA),
    };
}

bool exports_olive_plugin_validator_config_schema(
    string *ret, exports_olive_plugin_validator_plugin_error_t *err) {
    (void)err;
    *ret = copy(SETTINGS);
    return true;
}

static diagnostic told(finding found) {
    olive_plugin_types_fix_t *fix = malloc(sizeof *fix);
    if (!fix) abort();
    fix->title = own(found.title);
    fix->patch = own(found.patch);
    fix->applicability = OLIVE_PLUGIN_TYPES_APPLICABILITY_MAYBE_INCORRECT;
    return (diagnostic){
        .pointer = own(found.pointer),
        .severity = OLIVE_PLUGIN_TYPES_SEVERITY_ERROR,
        .code = copy("rank-too-large"),
        .message = own(found.message),
        .help = {true, own(found.help)},
        .fixes = {fix, 1},
    };
}

bool exports_olive_plugin_validator_validate(
    string *document,
    exports_olive_plugin_validator_context_t *ctx,
    exports_olive_plugin_validator_list_diagnostic_t *ret,
    exports_olive_plugin_validator_plugin_error_t *err) {
    (void)ctx;
    (void)err;
    const char *start = (const char *)document->ptr;
    finding *findings;
    ret->len = check(json_at(start, start + document->len), &findings);
    ret->ptr = ret->len ? malloc(ret->len * sizeof *ret->ptr) : NULL;
    if (ret->len && !ret->ptr) abort();
    for (size_t at = 0; at < ret->len; at++) ret->ptr[at] = told(findings[at]);
    return true;
}
