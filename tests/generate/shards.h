/* shards.h - for tests: take a folder's model.safetensors apart into several files with an index. */
#ifndef CAIRN_TESTS_GENERATE_SHARDS_H
#define CAIRN_TESTS_GENERATE_SHARDS_H

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "generate/formats/safetensors.h"

/* Write the tensors i of s with i % n == rest as one file; the map gets their place. */
static void write_shard(const char *folder, const safetensors *s, size_t n, size_t rest, json_t *map)
{
    json_t *header = json_object();
    char path[400], name[64], *text;
    uint64_t len;
    size_t at = 0;
    FILE *f;

    snprintf(name, sizeof name, "model-%05zu-of-%05zu.safetensors", rest + 1, n);
    snprintf(path, sizeof path, "%s/%s", folder, name);
    for (size_t i = rest; i < safetensors_count(s); i += n) {
        const tensor *t = safetensors_at(s, i);
        json_t *shape = json_array();
        for (size_t d = t->n_dims; d--;)
            json_array_append_new(shape, json_integer((json_int_t)t->dims[d]));
        json_object_set_new(header, t->name,
                            json_pack("{s:s,s:o,s:[I,I]}", "dtype", tensor_type_get(t->type)->name, "shape", shape, "data_offsets",
                                      (json_int_t)at, (json_int_t)(at + t->bytes)));
        json_object_set_new(map, t->name, json_string(name));
        at += t->bytes;
    }
    text = json_dumps(header, JSON_COMPACT);
    len = strlen(text);
    f = fopen(path, "wb");
    if (!f || fwrite(&len, 1, 8, f) != 8 || fwrite(text, 1, len, f) != len)
        abort();
    for (size_t i = rest; i < safetensors_count(s); i += n)
        if (fwrite(safetensors_at(s, i)->data, 1, safetensors_at(s, i)->bytes, f) != safetensors_at(s, i)->bytes)
            abort();
    if (fclose(f))
        abort();
    free(text);
    json_decref(header);
}

static void split_safetensors(const char *folder, size_t n)
{
    json_t *map = json_object(), *index;
    char path[400];
    safetensors *s;

    snprintf(path, sizeof path, "%s/model.safetensors", folder);
    if (safetensors_open(&s, path, NULL))
        abort();
    for (size_t i = 0; i < n; i++)
        write_shard(folder, s, n, i, map);
    safetensors_close(s);
    unlink(path);
    index = json_pack("{s:{s:i},s:o}", "metadata", "total_size", 1, "weight_map", map);
    snprintf(path, sizeof path, "%s/" SAFETENSORS_INDEX, folder);
    if (json_dump_file(index, path, JSON_INDENT(2)))
        abort();
    json_decref(index);
}

#endif
