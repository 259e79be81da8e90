/* vector_source.c - rows of a file of vectors, whatever its format, with their ids.
 *
 * Binary files are mapped and read by index/vector/vector_file.c; JSON lines are read line by line.
 * Standard input is read whole first, because its first bytes say what it is. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <jansson.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/checked.h"
#include "engine/vectors.h"

#define LINE_MAX_BYTES  ((size_t)64 << 20)
#define INPUT_MAX_BYTES ((size_t)4 << 30)
#define IDS_MAX_BYTES   ((size_t)16 << 30)

typedef struct id_line {
    const char *id, *title, *text;
} id_line;

struct vector_source {
    char *name;
    /* one of the two: */
    vector_file *binary;
    FILE *lines;
    void *map; /* the file's bytes, mapped or (owned) read */
    size_t len;
    bool mapped, ids_needed;
    char *line;
    size_t line_cap;
    json_t *object; /* of the line being looked at */
    uint64_t number;
    float *v;
    size_t v_cap;
    char id[32], bad[256];
    id_line *ids;
    size_t n_ids, ids_cap;
    arena ids_memory;
};

static cairn_status io_failed(const vector_source *s, const char *what, cairn_error *err)
{
    return cairn_fail(err, CAIRN_EINPUT, "%s %s: %s", what, s->name, strerror(errno));
}

/* ---- opening ---- */

static cairn_status read_stdin(vector_source *s, cairn_error *err)
{
    size_t cap = 0;

    for (;;) {
        if (s->len == cap) {
            size_t more = cap ? cap * 2 : 65536;
            char *p = more <= INPUT_MAX_BYTES ? realloc(s->map, more) : NULL;
            if (!p)
                return cairn_fail(err, CAIRN_ELIMIT,
                                  "standard input holds more than can be kept: "
                                  "name a file");
            s->map = p;
            cap = more;
        }
        ssize_t n = read(STDIN_FILENO, (char *)s->map + s->len, cap - s->len);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return io_failed(s, "read", err);
        if (n == 0)
            return CAIRN_OK;
        s->len += (size_t)n;
    }
}

static cairn_status map_file(vector_source *s, cairn_error *err)
{
    struct stat sb;
    int fd = open(s->name, O_RDONLY | O_CLOEXEC);

    if (fd < 0)
        return io_failed(s, "open", err);
    if (fstat(fd, &sb) || !S_ISREG(sb.st_mode)) {
        close(fd);
        return cairn_fail(err, CAIRN_EINPUT, "%s is not a file", s->name);
    }
    s->len = (size_t)sb.st_size;
    if (s->len) {
        s->map = mmap(NULL, s->len, PROT_READ, MAP_PRIVATE, fd, 0);
        if (s->map == MAP_FAILED) {
            s->map = NULL;
            close(fd);
            return io_failed(s, "read", err);
        }
        s->mapped = true;
        madvise(s->map, s->len, MADV_SEQUENTIAL);
    }
    close(fd);
    return CAIRN_OK;
}

static bool ends_with(const char *name, const char *end)
{
    size_t n = strlen(name), m = strlen(end);

    return n > m && !strcasecmp(name + n - m, end);
}

static cairn_vector_format guess_format(const vector_source *s)
{
    static const struct {
        const char *end;
        cairn_vector_format format;
    } ends[] = {{".npy", CAIRN_VECTORS_NPY},      {".fvecs", CAIRN_VECTORS_FVECS},
                {".bvecs", CAIRN_VECTORS_BVECS},  {".jsonl", CAIRN_VECTORS_JSONL},
                {".ndjson", CAIRN_VECTORS_JSONL}, {".faiss", CAIRN_VECTORS_FAISS}};
    static const unsigned char magic[] = "\x93NUMPY";
    const char *p = s->map;
    size_t at = 0;

    for (size_t i = 0; i < sizeof ends / sizeof *ends; i++)
        if (ends_with(s->name, ends[i].end))
            return ends[i].format;
    if (s->len >= 6 && !memcmp(p, magic, 6))
        return CAIRN_VECTORS_NPY;
    while (at < s->len && strchr(" \t\r\n", p[at]) && p[at])
        at++;
    if (at < s->len && (p[at] == '{' || p[at] == '['))
        return CAIRN_VECTORS_JSONL;
    if (s->len >= 4 && p[0] == 'I' && strchr("xwHB", p[1]) && p[1])
        return CAIRN_VECTORS_FAISS;
    return CAIRN_VECTORS_BY_NAME;
}

static cairn_status open_format(vector_source *s, cairn_vector_format format, cairn_error *err)
{
    static const vector_file_kind kinds[] = {
        [CAIRN_VECTORS_NPY] = VECTOR_FILE_NPY,
        [CAIRN_VECTORS_FVECS] = VECTOR_FILE_FVECS,
        [CAIRN_VECTORS_BVECS] = VECTOR_FILE_BVECS,
        [CAIRN_VECTORS_FAISS] = VECTOR_FILE_FAISS,
    };
    cairn_status st;

    if (format == CAIRN_VECTORS_BY_NAME)
        format = guess_format(s);
    if (format == CAIRN_VECTORS_BY_NAME)
        return cairn_fail(
            err, CAIRN_EINPUT,
            "%s is neither .npy, .fvecs, .bvecs, JSON lines nor a FAISS index; say which "
            "with --format",
            s->name);
    if (format == CAIRN_VECTORS_JSONL) {
        s->lines = s->len ? fmemopen(s->map, s->len, "r") : fopen("/dev/null", "re");
        return s->lines ? CAIRN_OK : cairn_fail(err, CAIRN_ENOMEM, "%s", s->name);
    }
    st = vector_file_open(&s->binary, s->map ? s->map : "", s->len, kinds[format], err);
    if (st) {
        cairn_error_prefix(err, "%s", s->name);
        return st;
    }
    s->v_cap = vector_file_dim(s->binary);
    s->v = checked_malloc(s->v_cap, sizeof *s->v);
    return s->v ? CAIRN_OK : cairn_fail(err, CAIRN_ENOMEM, "a vector");
}

/* ---- ids ---- */

/* A JSON id: a text, or a whole number as it is written. NULL for anything else. */
static const char *json_id(const json_t *j, char buf[32])
{
    const char *text = json_string_value(j);

    if (json_is_integer(j)) {
        snprintf(buf, 32, "%" JSON_INTEGER_FORMAT, json_integer_value(j));
        return buf;
    }
    return text && *text ? text : NULL;
}

static const json_t *id_member(const json_t *object)
{
    const json_t *id = json_object_get(object, "id");

    return id ? id : json_object_get(object, "_id");
}

static const char *text_member(const json_t *object, const char *key)
{
    const char *text = json_string_value(json_object_get(object, key));

    return text ? text : "";
}

static cairn_status add_id(vector_source *s, const char *file, const char *line, size_t len,
                           bool plain, cairn_error *err)
{
    json_error_t je;
    json_t *j = plain ? json_stringn(line, len) : json_loadb(line, len, JSON_DECODE_ANY, &je);
    char buf[32];
    const char *id = json_id(json_is_object(j) ? id_member(j) : j, buf);
    cairn_status st = CAIRN_OK;

    if (!id)
        st = cairn_fail(err, CAIRN_EINPUT,
                        "%s: line %zu holds no id: a JSON text, number or object with "
                        "\"id\"; in a .txt file plain text",
                        file, s->n_ids + 1);
    if (!st && s->n_ids == s->ids_cap) {
        size_t cap = s->ids_cap ? s->ids_cap * 2 : 1024;
        id_line *ids = checked_realloc(s->ids, cap, sizeof *ids);
        if (ids) {
            s->ids = ids;
            s->ids_cap = cap;
        } else {
            st = cairn_fail(err, CAIRN_ENOMEM, "ids of %s", file);
        }
    }
    if (!st) {
        id_line *at = &s->ids[s->n_ids++];
        *at = (id_line){arena_strdup(&s->ids_memory, id), "", ""};
        if (json_is_object(j)) {
            at->title = arena_strdup(&s->ids_memory, text_member(j, "title"));
            at->text = arena_strdup(&s->ids_memory, text_member(j, "text"));
        }
        if (!at->id || !at->title || !at->text)
            st = cairn_fail(err, CAIRN_ENOMEM, "ids of %s", file);
    }
    json_decref(j);
    return st;
}

static cairn_status read_ids(vector_source *s, const char *file, cairn_error *err)
{
    bool plain = ends_with(file, ".txt");
    FILE *f = fopen(file, "re");
    cairn_status st = CAIRN_OK;
    ssize_t n;

    if (!f)
        return cairn_fail(err, CAIRN_EINPUT, "open %s: %s", file, strerror(errno));
    while (!st && (n = getline(&s->line, &s->line_cap, f)) >= 0) {
        while (n && (s->line[n - 1] == '\n' || s->line[n - 1] == '\r'))
            n--;
        st = add_id(s, file, s->line, (size_t)n, plain, err);
    }
    if (!st && ferror(f))
        st = cairn_fail(err, CAIRN_EINPUT, "read %s: %s", file, strerror(errno));
    fclose(f);
    return st;
}

cairn_status vector_source_open(vector_source **out, const char *file, cairn_vector_format format,
                                const char *ids_file, bool ids_needed, cairn_error *err)
{
    vector_source *s = calloc(1, sizeof *s);
    bool input = !strcmp(file, "-");
    cairn_status st;

    *out = NULL;
    if (!s)
        return cairn_fail(err, CAIRN_ENOMEM, "vector file");
    arena_init(&s->ids_memory, IDS_MAX_BYTES);
    s->ids_needed = ids_needed;
    s->name = strdup(input ? "standard input" : file);
    if (!s->name)
        st = cairn_fail(err, CAIRN_ENOMEM, "vector file");
    else
        st = input ? read_stdin(s, err) : map_file(s, err);
    if (!st)
        st = open_format(s, format, err);
    if (!st && ids_file)
        st = read_ids(s, ids_file, err);
    if (!st && ids_file && s->binary && s->n_ids < vector_file_rows(s->binary) &&
        !vector_file_metric(s->binary, &(bool){false}))
        st = cairn_fail(err, CAIRN_EINPUT, "%s names %zu rows where %s has %" PRIu64, ids_file,
                        s->n_ids, file, vector_file_rows(s->binary));
    if (st) {
        vector_source_close(s);
        return st;
    }
    *out = s;
    return CAIRN_OK;
}

void vector_source_close(vector_source *s)
{
    if (!s)
        return;
    vector_file_close(s->binary);
    if (s->lines)
        fclose(s->lines);
    if (s->mapped)
        munmap(s->map, s->len);
    else
        free(s->map);
    json_decref(s->object);
    arena_clear(&s->ids_memory);
    free(s->ids);
    free(s->line);
    free(s->v);
    free(s->name);
    free(s);
}

uint64_t vector_source_rows(const vector_source *s)
{
    return s->binary ? vector_file_rows(s->binary) : 0;
}

uint64_t vector_source_bytes(const vector_source *s)
{
    return s->len;
}

bool vector_source_metric(const vector_source *s, vector_metric *out)
{
    bool l2;

    if (!s->binary || !vector_file_metric(s->binary, &l2))
        return false;
    *out = l2 ? VECTOR_L2 : VECTOR_DOT;
    return true;
}

/* ---- rows ---- */

/* This row is not taken, for this reason. */
__attribute__((format(printf, 3, 4))) static void refuse(vector_source *s, vector_row *row,
                                                         const char *fmt, ...)
{
    va_list ap;
    int n = snprintf(s->bad, sizeof s->bad, "%s %" PRIu64 ": ", s->binary ? "row" : "line",
                     s->binary ? row->number : row->number + 1);

    va_start(ap, fmt);
    vsnprintf(s->bad + n, sizeof s->bad - (size_t)n, fmt, ap);
    va_end(ap);
    row->bad = s->bad;
}

static void check_finite(vector_source *s, vector_row *row)
{
    for (uint32_t i = 0; i < row->dim; i++)
        if (!isfinite(row->v[i])) {
            refuse(s, row, "component %u is not a finite number", i);
            return;
        }
}

/* The name for this row or FAISS id. */
static void name_row(vector_source *s, vector_row *row, int64_t id)
{
    if (!s->n_ids) {
        snprintf(s->id, sizeof s->id, "%" PRId64, id);
        row->id = s->id;
    } else if (id < 0 || (uint64_t)id >= s->n_ids) {
        refuse(s, row, "the file of ids has no line for %" PRId64, id);
    } else {
        row->id = s->ids[id].id;
        row->title = s->ids[id].title;
        row->text = s->ids[id].text;
    }
}

static cairn_status next_binary(vector_source *s, vector_row *row, cairn_error *err)
{
    int64_t id;
    cairn_status st = vector_file_next(s->binary, s->v, &id, err);

    if (st) {
        if (st != CAIRN_ENOTFOUND)
            cairn_error_prefix(err, "%s", s->name);
        return st;
    }
    *row = (vector_row){.title = "",
                        .text = "",
                        .v = s->v,
                        .number = s->number++,
                        .dim = vector_file_dim(s->binary)};
    name_row(s, row, id);
    if (!row->bad)
        check_finite(s, row);
    return CAIRN_OK;
}

static void take_components(vector_source *s, vector_row *row, const json_t *list)
{
    size_t n = json_array_size(list);

    if (n < 1 || n > VECTOR_MAX_DIM) {
        refuse(s, row, "needs \"vector\", a list of 1 to %u numbers", VECTOR_MAX_DIM);
        return;
    }
    if (n > s->v_cap) {
        float *v = checked_realloc(s->v, n, sizeof *v);
        if (!v) {
            refuse(s, row, "memory ran out");
            return;
        }
        s->v = v;
        s->v_cap = n;
    }
    for (size_t i = 0; i < n; i++) {
        const json_t *x = json_array_get(list, i);
        if (!json_is_number(x)) {
            refuse(s, row, "component %zu is not a number", i);
            return;
        }
        s->v[i] = (float)json_number_value(x);
    }
    row->v = s->v;
    row->dim = (uint32_t)n;
    check_finite(s, row);
}

static cairn_status next_line(vector_source *s, vector_row *row, cairn_error *err)
{
    json_error_t je;
    ssize_t n;

    do {
        n = getline(&s->line, &s->line_cap, s->lines);
        if (n < 0)
            return ferror(s->lines) ? io_failed(s, "read", err) : CAIRN_ENOTFOUND;
        s->number++;
        if ((size_t)n > LINE_MAX_BYTES)
            return cairn_fail(err, CAIRN_ELIMIT, "%s: line %" PRIu64 " is longer than %zu bytes",
                              s->name, s->number, LINE_MAX_BYTES);
    } while (n == 1 && s->line[0] == '\n');
    *row = (vector_row){.title = "", .text = "", .number = s->number - 1};
    json_decref(s->object);
    s->object = json_loadb(s->line, (size_t)n, 0, &je);
    if (!s->object) {
        refuse(s, row, "not JSON: %s", je.text);
        return CAIRN_OK;
    }
    if (json_is_object(s->object)) {
        row->id = json_id(id_member(s->object), s->id);
        row->title = text_member(s->object, "title");
        row->text = text_member(s->object, "text");
    }
    if (!row->id && s->n_ids)
        name_row(s, row, (int64_t)row->number);
    else if (!row->id && s->ids_needed)
        refuse(s, row, "needs \"id\", a text or a whole number");
    else if (!row->id)
        row->id = "-";
    if (!row->bad)
        take_components(
            s, row, json_is_object(s->object) ? json_object_get(s->object, "vector") : s->object);
    return CAIRN_OK;
}

cairn_status vector_source_next(vector_source *s, vector_row *out, cairn_error *err)
{
    return s->binary ? next_binary(s, out, err) : next_line(s, out, err);
}
