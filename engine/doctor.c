/* doctor.c - cairn_doctor: does this machine have what Cairn needs, and is the collection well? */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "base/cpu.h"
#include "engine/care.h"
#include "engine/engine.h"
#include "engine/entail.h"
#include "engine/index.h"
#include "engine/ocr.h"
#include "engine/watch_state.h"
#include "generate/decode/device.h"
#include "ingest/extractor.h"
#include "ingest/helpers.h"

#define FEW_BYTES   ((uint64_t)1 << 30)
#define MANY_WATCHES 100000
#define FEW_FILES   1024

typedef struct examination {
    cairn_doctor_fn *fn;
    void *ctx;
} examination;

static void tell(const examination *x, cairn_doctor_level level, const char *what, const char *cure,
                 const char *fmt, ...) __attribute__((format(printf, 5, 6)));
static void tell(const examination *x, cairn_doctor_level level, const char *what, const char *cure,
                 const char *fmt, ...)
{
    char text[1024];
    cairn_finding f = {.level = level, .what = what, .text = text, .cure = cure};
    va_list ap;

    va_start(ap, fmt);
    vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    x->fn(x->ctx, &f);
}

/* What computes for the models. */
static void look_at_the_device(const examination *x)
{
    const device_backend *device;
    cairn_error err = {0};

    if (device_get(&device, &err))
        tell(x, CAIRN_DOCTOR_BAD, "device", "unset CAIRN_DEVICE, and the processor does the work", "%s",
             err.text);
    else if (device)
        tell(x, CAIRN_DOCTOR_GOOD, "device", NULL, "%s (generator, encoder, scans of vectors)", device_name());
    else
        tell(x, CAIRN_DOCTOR_GOOD, "device", NULL, "cpu: no other is in use");
}

static void look_at_the_worker(const examination *x)
{
    extractor *ex = NULL;
    extractor_cage cage;
    cairn_error err = {0};
    cairn_status st = extractor_create(&ex, NULL, &err);

    if (!st)
        st = extractor_describe(ex, &cage, &err);
    if (st)
        tell(x, CAIRN_DOCTOR_BAD, "extractor", "install cairn-extract beside cairn, or set CAIRN_EXTRACT",
             "%s", err.text);
    else if (!cage.seccomp || !cage.landlock_abi)
        tell(x, CAIRN_DOCTOR_WARN, "extractor", "a kernel from 5.13 on has both",
             "documents are read with less protection: seccomp %s, Landlock %s",
             cage.seccomp ? "on" : "missing", cage.landlock_abi ? "on" : "missing");
    else
        tell(x, CAIRN_DOCTOR_GOOD, "extractor", NULL, "seccomp on, Landlock ABI %d, %u limits",
             cage.landlock_abi, cage.limits);
    extractor_destroy(ex);
}

static void look_for(const examination *x, const char *what, const char *path, const char *found,
                     const char *missing, const char *cure)
{
    bool there = !access(path, R_OK);

    tell(x, there ? CAIRN_DOCTOR_GOOD : CAIRN_DOCTOR_WARN, what, there ? NULL : cure, "%s",
         there ? found : missing);
}

/* Programs of others that read what no library of ours does. One for each task is enough. */
static void look_at_a_task(const examination *x, helper_task task, const char *what,
                           const char *without)
{
    const helper_program *p;
    char cure[80];

    snprintf(cure, sizeof cure, "apt install %s", helper_cure(task));
    for (size_t i = 0; (p = helper_program_at(i)); i++)
        if (p->task == task && helper_is_installed(p)) {
            tell(x, CAIRN_DOCTOR_GOOD, what, NULL, "read by %s", p->path);
            return;
        }
    tell(x, CAIRN_DOCTOR_WARN, what, cure, "%s", without);
}

static void look_at_helpers(const examination *x)
{
    look_at_a_task(x, HELPER_DOC, "old Word files", "neither antiword nor catdoc is there: .doc is not read");
    look_at_a_task(x, HELPER_XLS, "old Excel files", "xls2csv is not there: .xls is not read");
    look_at_a_task(x, HELPER_TAGS, "source code",
                   "ctags is not there: code is cut at empty lines, not at its functions");
    look_for(x, "PDF tables", "/usr/share/poppler", "poppler-data is there",
             "Chinese, Japanese and Korean PDFs may be read without their text",
             "apt install poppler-data");
    look_for(x, "fonts", "/usr/share/fonts", "fonts are there", "PDFs that embed no fonts may be read badly",
             "apt install fonts-dejavu-core");
    look_for(x, "time zones", "/usr/share/zoneinfo", "time zone tables are there",
             "times of calendars and mail may be off", "apt install tzdata");
}

static void look_at_recognition(const examination *x, const settings *s)
{
    char languages[OCR_LANGUAGES_BYTES];

    if (!strcmp(s->ocr, "off"))
        tell(x, CAIRN_DOCTOR_GOOD, "scans", NULL, "text recognition is switched off ([index] ocr)");
    else if (!*engine_ocr_languages(s, languages))
        tell(x, CAIRN_DOCTOR_WARN, "scans", "apt install tesseract-ocr-eng",
             "no languages for text recognition: scanned pages are not read");
    else
        tell(x, CAIRN_DOCTOR_GOOD, "scans", NULL, "text is recognised in %s, of %s", languages,
             strcmp(s->ocr, "all") ? "pages without text" : "pages without text and images");
}

static long read_number(const char *path)
{
    FILE *f = fopen(path, "re");
    long n = -1;

    if (!f)
        return -1;
    if (fscanf(f, "%ld", &n) != 1)
        n = -1;
    fclose(f);
    return n;
}

/* The folders that runs were given, else the home folder, to be watched. */
static void add_folders(watcher *w, cairn *c)
{
    const char *home = getenv("HOME");
    const uint8_t *list = NULL;
    store_snapshot *s = NULL;
    size_t len = 0, n = 0;
    struct stat sb;
    arena memory;

    arena_init(&memory, (size_t)1 << 20);
    if (c && !store_snapshot_open(c->store, &s, NULL) && !store_meta_get(s, META_ROOTS, &memory, &list, &len, NULL) &&
        len && !list[len - 1])
        for (const char *at = (const char *)list; at < (const char *)list + len; at += strlen(at) + 1)
            if (!stat(at, &sb) && S_ISDIR(sb.st_mode)) {
                watcher_add(w, at);
                n++;
            }
    if (!n)
        watcher_add(w, home && *home == '/' ? home : "/");
    store_snapshot_close(s);
    arena_clear(&memory);
}

/* May cairn watch follow whole file systems by a mark? */
static void look_at_marks(const examination *x, cairn *c)
{
    watch_options by_mark = {.way = WATCH_BY_FANOTIFY};
    char text[WATCH_STATE_TEXT];
    watcher *w = NULL;
    cairn_error why = {0};
    watch_place p;

    if (watcher_open(&w, &by_mark, &why)) {
        tell(x, CAIRN_DOCTOR_GOOD, "watching", NULL, "by a watch for each folder (inotify); one mark for a file system is not allowed: %s",
             why.text);
        return;
    }
    watcher_begin(w);
    add_folders(w, c);
    for (size_t i = 0; watcher_place(w, i, &p); i++) {
        watch_state_describe(&p, text);
        tell(x, CAIRN_DOCTOR_GOOD, "watching", NULL, "%s: %s", p.path, text);
    }
    watcher_close(w);
}

static void look_at_limits(const examination *x)
{
    long watches = read_number("/proc/sys/fs/inotify/max_user_watches");
    struct rlimit files;

    if (watches < 0)
        tell(x, CAIRN_DOCTOR_WARN, "watching", NULL, "no inotify: where no mark is allowed, cairn watch looks at everything by time");
    else
        tell(x, watches < MANY_WATCHES ? CAIRN_DOCTOR_WARN : CAIRN_DOCTOR_GOOD, "watching",
             watches < MANY_WATCHES ? "sysctl fs.inotify.max_user_watches=524288" : NULL,
             "the system lets %ld folders be watched one by one", watches);
    if (!getrlimit(RLIMIT_NOFILE, &files))
        tell(x, files.rlim_cur < FEW_FILES ? CAIRN_DOCTOR_WARN : CAIRN_DOCTOR_GOOD, "open files",
             files.rlim_cur < FEW_FILES ? "ulimit -n 4096" : NULL, "%llu at once",
             (unsigned long long)files.rlim_cur);
}

static void look_at_a_model(const examination *x, const char *what, const char *name,
                            const char *path, const char *note)
{
    if (path)
        tell(x, CAIRN_DOCTOR_GOOD, what, NULL, "%s (%s)", name, path);
    else
        tell(x, CAIRN_DOCTOR_WARN, what, "scripts/fetch-models, or a path in the configuration",
             "%s", note ? note : "missing");
}

static void look_at_entailment(const examination *x, cairn *c)
{
    struct shared_model *m = NULL;
    char name[SETTINGS_TEXT];
    entailment_head head;
    cairn_error why = {0};

    entail_named(c, name, sizeof name);
    if (!*name)
        return;
    if (entail_open(c, name, &m, &head, &why) || !m)
        tell(x, CAIRN_DOCTOR_WARN, "entailment", "cairn model info tells what its head is called",
             "%s cannot be asked: %s", name, *why.text ? why.text : "cairn model entail says why");
    else
        tell(x, CAIRN_DOCTOR_GOOD, "entailment", NULL, "%s tells whether sentences follow from what they cite", name);
}

static void look_at_the_disk(const examination *x, const cairn *c)
{
    struct statvfs fs;
    uint64_t left;

    if (access(c->dir, W_OK))
        tell(x, CAIRN_DOCTOR_WARN, "permissions", NULL, "%s cannot be written: %s", c->dir,
             strerror(errno));
    else
        tell(x, CAIRN_DOCTOR_GOOD, "permissions", NULL, "%s can be written", c->dir);
    if (statvfs(c->dir, &fs))
        return;
    left = (uint64_t)fs.f_bavail * fs.f_frsize;
    tell(x, left < FEW_BYTES ? CAIRN_DOCTOR_WARN : CAIRN_DOCTOR_GOOD, "disk",
         left < FEW_BYTES ? "cairn compact gives space back" : NULL, "%llu MB are free",
         (unsigned long long)(left / 1000000));
}

static cairn_status look_at_the_collection(const examination *x, cairn *c, cairn_error *err)
{
    cairn_status_info s;
    cairn_status st = cairn_status_get(c, &s, err);

    if (st)
        return st;
    look_at_a_model(x, "embedder", s.embedder_name, s.embedder, s.embedder_note);
    if (s.second_lacking)
        tell(x, CAIRN_DOCTOR_WARN, "second embedder", "scripts/fetch-models, or models.second_embedder = (nothing)",
             "%s is not on this machine: English is found less well", s.second_lacking);
    look_at_a_model(x, "generator", s.generator_name, s.generator, s.generator_note);
    look_at_entailment(x, c);
    tell(x, CAIRN_DOCTOR_GOOD, "collection", NULL, "%s: %llu documents, %llu passages",
         s.collection, (unsigned long long)s.documents, (unsigned long long)s.chunks);
    if (s.pending_vectors)
        tell(x, CAIRN_DOCTOR_WARN, "vectors", "cairn index goes on with them",
             "%llu passages wait for a vector", (unsigned long long)s.pending_vectors);
    if (s.audit.known && s.audit.recall10 < cairn_audit_floor(c))
        tell(x, CAIRN_DOCTOR_BAD, "recall", "cairn check --recall --repair",
             "the vector search finds %.3f of the nearest ten", s.audit.recall10);
    if (s.n_failed)
        tell(x, CAIRN_DOCTOR_WARN, "files", "cairn status lists them with the reason",
             "%zu could not be read", s.n_failed);
    cairn_status_clear(&s);
    return CAIRN_OK;
}

typedef struct counting {
    const examination *x;
    size_t n;
} counting;

static void take_damage(void *ctx, const char *finding)
{
    counting *n = ctx;

    n->n++;
    tell(n->x, CAIRN_DOCTOR_BAD, "store", "cairn check --repair", "%s", finding);
}

cairn_status cairn_doctor(const cairn_options *options, cairn_doctor_fn *fn, void *ctx,
                          cairn_error *err)
{
    examination x = {fn, ctx};
    counting damage = {.x = &x};
    cairn_options o = *options;
    cairn_error why = {0};
    cairn *c = NULL;
    cairn_status st;

    tell(&x, CAIRN_DOCTOR_GOOD, "version", NULL, "%s, %s kernels", cairn_version(),
         cpu_level_name(cpu_level_get()));
    look_at_the_device(&x);
    look_at_the_worker(&x);
    look_at_helpers(&x);
    look_at_limits(&x);
    o.read_only = o.must_exist = true;
    st = cairn_open(&c, &o, &why);
    look_at_marks(&x, st ? NULL : c);
    if (st == CAIRN_ENOTFOUND) {
        tell(&x, CAIRN_DOCTOR_WARN, "collection", "cairn index PATH makes it", "%s", why.text);
        return CAIRN_OK;
    }
    if (st) {
        tell(&x, CAIRN_DOCTOR_BAD, "collection", NULL, "%s", why.text);
        return CAIRN_OK;
    }
    look_at_recognition(&x, &c->settings);
    look_at_the_disk(&x, c);
    st = look_at_the_collection(&x, c, err);
    if (!st) {
        st = cairn_check(c, false, take_damage, &damage, &why);
        if (!st)
            tell(&x, CAIRN_DOCTOR_GOOD, "store", NULL, "every checksum and reference is right");
        else if (!damage.n)
            tell(&x, CAIRN_DOCTOR_BAD, "store", "cairn check --repair", "%s", why.text);
        st = CAIRN_OK;
    }
    cairn_close(c);
    return st;
}
