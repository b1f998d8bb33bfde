/* Makes the manual pages: man-pages DIRECTORY EXAMPLE.yml. Everything but a few sentences comes from
 * where the programs themselves have it. */
#include "agent/settings/settings.h"
#include "controller/settings/settings.h"
#include "fs/settings/settings.h"
#include "tools/man/pages.h"

#include <errno.h>
#include <stdio.h>

enum { FILE_SIZE_MAX = 1 << 20 };

static int read_file(const char *path, struct aq_buffer *text, struct aq_error *error)
{
    char bytes[4096];
    size_t length;
    FILE *file = fopen(path, "re");
    if (file == NULL)
        return aq_fail_errno(error, errno, "cannot open %s", path);
    while (text->length < FILE_SIZE_MAX && (length = fread(bytes, 1, sizeof bytes, file)) > 0)
        aq_buffer_add(text, bytes, length);
    bool whole = feof(file) && !ferror(file);
    fclose(file);
    return whole ? 0 : aq_fail(error, AQ_E_IO, "cannot read all of %s", path);
}

/* Writes the page and empties it. */
static int put_page(const char *directory, const char *name, struct aq_buffer *page, struct aq_error *error)
{
    struct aq_buffer path = {0};
    aq_buffer_format(&path, "%s/%s", directory, name);
    FILE *file = fopen(aq_buffer_string(&path), "we");
    bool written = file != NULL && fwrite(page->data, 1, page->length, file) == page->length;
    written = file != NULL && fclose(file) == 0 && written;
    int status = written ? 0 : aq_fail_errno(error, errno, "cannot write %s", aq_buffer_string(&path));
    aq_buffer_free(&path);
    aq_buffer_reset(page);
    return status;
}

static int put_all(const char *directory, const char *example, struct aq_error *error)
{
    struct aq_buffer page = {0};
    page_aq(&page);
    int status = put_page(directory, "aq.1", &page, error);
    page_daemon(&page, &aq_controller_program,
                "Keeps the log of the cluster, decides every command, places applications on nodes, and answers "
                "`aq`, REST clients, agents and the file view. Its data directory holds the log: back that up. Tables "
                "beside it are rebuilt from the log when in doubt.");
    status = status == 0 ? put_page(directory, "aq-controller.8", &page, error) : status;
    page_daemon(&page, &aq_agent_program,
                "Runs on every host that workloads run on. It reports what the host offers, asks the "
                "controller for work, and starts and ends workloads through drivers. Workloads outlive their agent, "
                "which finds them again when it restarts.");
    status = status == 0 ? put_page(directory, "aq-agent.8", &page, error) : status;
    page_daemon(&page, &aq_fs_program,
                "Mounts the cluster as a directory: things are directories, fields are files, and a line written into "
                "a control file is a command. README in the mounted directory lists every file.");
    status = status == 0 ? put_page(directory, "aq-fs.8", &page, error) : status;
    page_settings(&page);
    status = status == 0 ? put_page(directory, "aquarium.yml.5", &page, error) : status;
    page_labels(&page, example);
    status = status == 0 ? put_page(directory, "aquarium-labels.5", &page, error) : status;
    aq_buffer_free(&page);
    return status;
}

int main(int argc, char **argv)
{
    struct aq_buffer example = {0};
    struct aq_error error = {0};
    if (argc != 3) {
        fputs("usage: man-pages DIRECTORY EXAMPLE.yml\n", stderr);
        return 2;
    }
    int status = read_file(argv[2], &example, &error);
    if (status == 0)
        status = put_all(argv[1], aq_buffer_string(&example), &error);
    if (status != 0)
        fprintf(stderr, "man-pages: %s\n", error.message);
    aq_buffer_free(&example);
    return status == 0 ? 0 : 1;
}
