/* helpers_misbehave.c - in place of ingest/helpers.c: one program, which does not behave. */
#include "ingest/helpers.h"

#include <unistd.h>

static const helper_program program = {
    HELPER_DOC, "misbehave", CAIRN_BINARY_DIR "/tests/ingest/helper-misbehave", "none",
    (const char *const[]){"misbehave", NULL}, {0}};

const helper_program *helper_program_at(size_t i)
{
    return i ? NULL : &program;
}

bool helper_is_installed(const helper_program *p)
{
    return access(p->path, X_OK) == 0;
}

const char *helper_cure(helper_task task)
{
    return task == HELPER_DOC ? "misbehave" : "nothing";
}
