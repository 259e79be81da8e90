/* json_file.c - a folder's tokenizer.json, parsed (model.h). */
#include <jansson.h>
#include <stdio.h>

#include "generate/formats/mapped_file.h"
#include "generate/tokenize/model.h"

cairn_status tokenizer_json_open(json_t **root, const char *folder, char path[TOKENIZER_PATH], cairn_error *err)
{
    mapped_file f;
    json_error_t je;
    cairn_status st;

    *root = NULL;
    if ((size_t)snprintf(path, TOKENIZER_PATH, "%s/tokenizer.json", folder) >= TOKENIZER_PATH)
        return cairn_fail(err, CAIRN_EMODEL, "%s: path too long", folder);
    st = mapped_file_open(&f, path, err);
    if (st)
        return st;
    *root = json_loadb((const char *)f.data, f.len, JSON_REJECT_DUPLICATES, &je);
    mapped_file_close(&f);
    return *root ? CAIRN_OK : cairn_fail(err, CAIRN_EMODEL, "%s: not JSON: %s, line %d", path, je.text, je.line);
}
