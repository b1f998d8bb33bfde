#include "schema/model/access.h"

#include <string.h>

int aq_access_check_role(enum aq_role least, const char *action, const char *user, enum aq_role role,
                         struct aq_error *error)
{
    if (role >= least)
        return 0;
    return aq_fail(error, AQ_E_FORBIDDEN, "only %ss may %s; %s is a %s", aq_role_words.words[least], action, user,
                   aq_role_words.words[role]);
}

int aq_access_refuse_unknown(const char *name, struct aq_error *error)
{
    return aq_fail(error, AQ_E_FORBIDDEN, "%s is not a user of this cluster", name);
}

bool aq_access_is_allowed(const char *owner, const char *user, enum aq_role role)
{
    return role == AQ_ROLE_ADMIN || strcmp(owner, user) == 0;
}

const struct aq_field *aq_access_owner_field(const struct aq_entity *entity)
{
    if (entity->owner == NULL)
        return NULL;
    const struct aq_field *field = aq_record_field(entity->record, entity->owner);
    aq_assert(field != NULL && aq_field_is_text(field));
    return field;
}

bool aq_access_may_read(const struct aq_entity *entity, const void *row, const char *user, enum aq_role role)
{
    const struct aq_field *owner = aq_access_owner_field(entity);
    return owner == NULL || aq_access_is_allowed(aq_field_text(owner, row), user, role);
}
