#include "controller/keyring_tool.h"

#include "controller/secrets/keyring_backup.h"
#include "controller/setup.h"
#include "schema/base/files.h"

#include <sodium.h>

static int run(struct keyring *keyring, const struct keyring_job *job, const char *passphrase, struct aq_buffer *report,
               struct aq_error *error)
{
    size_t count, added;
    char name[KEYRING_NAME_SIZE];
    if (job->save != NULL && !keyring_name(keyring, 0, name))
        return aq_fail(error, AQ_E_NOT_FOUND, "there is no key in the keyring: nothing is saved");
    if (job->save != NULL) {
        if (keyring_save(keyring, job->save, passphrase, &count, error) != 0)
            return -1;
        aq_buffer_format(report, "%zu keys saved\n", count);
        return 0;
    }
    if (keyring_load(keyring, job->load, passphrase, &count, &added, error) != 0)
        return -1;
    aq_buffer_format(report, "%zu keys, %zu of them new\n", count, added);
    return 0;
}

int keyring_tool(const struct aq_config_controller *config, const struct keyring_job *job, struct aq_buffer *report,
                 struct aq_error *error)
{
    AQ_CLEANUP_BUFFER struct aq_buffer passphrase = {0};
    AQ_CLEANUP_FD int lock = -1;
    struct keyring *keyring;
    if (job->save != NULL && job->load != NULL)
        return aq_fail(error, AQ_E_INVALID, "give one of --keyring-save and --keyring-load");
    if (job->passphrase == NULL)
        return aq_fail(error, AQ_E_INVALID, "give the file with the passphrase: --passphrase FILE, or - to read it");
    if ((job->load != NULL && setup_lock(config->data, &lock, error) != 0) ||
        keyring_open(&keyring, config->data, error) != 0)
        return -1;
    int failed = keyring_read_passphrase(job->passphrase, &passphrase, error);
    if (failed == 0)
        failed = run(keyring, job, aq_buffer_string(&passphrase), report, error);
    if (passphrase.data != NULL)
        sodium_memzero(passphrase.data, passphrase.capacity);
    keyring_close(keyring);
    return failed;
}
