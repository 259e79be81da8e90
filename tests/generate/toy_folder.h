/* toy_folder.h - a folder of a test's own for the model files it makes: set-up and tear-down of a group. */
#ifndef CAIRN_TESTS_TOY_FOLDER_H
#define CAIRN_TESTS_TOY_FOLDER_H

#include <stdio.h>
#include <stdlib.h>

static char folder[256];

static int make_folder(void **state)
{
    (void)state;
    snprintf(folder, sizeof folder, "/tmp/cairn-toy-XXXXXX");
    return mkdtemp(folder) ? 0 : -1;
}

static int remove_folder(void **state)
{
    char command[320];

    (void)state;
    snprintf(command, sizeof command, "rm -rf '%s'", folder);
    return system(command);
}

#endif
