/* project: applications that belong together, with quotas on what they hold together, and on what those of each user
 * hold. There is always one, `default`, so that nobody has to think of it. */
#ifndef AQ_SCHEMA_MODEL_PROJECT_H
#define AQ_SCHEMA_MODEL_PROJECT_H

#include "schema/model/amounts.h"
#include "schema/model/command.h"
#include "schema/model/entity.h"
#include "schema/model/event.h"

/* The project of what names none. */
#define AQ_PROJECT_DEFAULT "default"

/* clang-format off */
#define AQ_PROJECT_QUOTA(F, T)                                                                                         \
    F(T, cpu,               CPU_OR_NONE(0, AQ_CPU_MAX),       AQ_COLUMN, "most processor cores held at once")          \
    F(T, ram,               SIZE_OR_NONE(0, AQ_SIZE_MAX_MIB), AQ_COLUMN, "most memory held at once")                   \
    F(T, disk,              SIZE_OR_NONE(0, AQ_SIZE_MAX_MIB), AQ_COLUMN, "most disk space held at once")               \
    F(T, slots,             U64_OR_NONE(0, AQ_SLOTS_MAX),     AQ_COLUMN, "most slots held at once")                    \
    F(T, applications,      U64_OR_NONE(0, 1000000000),       AQ_COLUMN, "most applications open at once")             \
    F(T, user_cpu,          CPU_OR_NONE(0, AQ_CPU_MAX),       0,         "the same for each user in it: cores")        \
    F(T, user_ram,          SIZE_OR_NONE(0, AQ_SIZE_MAX_MIB), 0,         "memory, for each user")                      \
    F(T, user_disk,         SIZE_OR_NONE(0, AQ_SIZE_MAX_MIB), 0,         "disk space, for each user")                  \
    F(T, user_slots,        U64_OR_NONE(0, AQ_SLOTS_MAX),     0,         "slots, for each user")                       \
    F(T, user_applications, U64_OR_NONE(0, 1000000000),       0,         "open applications, for each user")           \
    F(T, description,       TEXT(0, 1024),                    AQ_LINES,  "what it is for")

#define aq_project_fields(F, T)                                                                                        \
    F(T, name,         NAME(1, 64),             AQ_KEY | AQ_COLUMN, "name that applications use")                      \
    AQ_PROJECT_QUOTA(F, T)                                                                                             \
    F(T, used,         RECORD(aq_amounts),      0,         "what its resources hold now")                              \
    F(T, open,         U64(0, UINT64_MAX),      AQ_COLUMN, "its applications that are not over")                       \
    F(T, known,        U64(0, UINT64_MAX),      0,         "its applications in the tables, finished ones included")   \
    F(T, created_at,   TIME,                    AQ_COLUMN, "when it was created")                                      \
    F(T, created_by,   REF_NAME_OR_NONE(user),  0,         "user who created it")
AQ_DECLARE_ENTITY(project)

/* ---- commands ---- */
#define aq_project_create_fields(F, T)                                                                                 \
    F(T, name,         NAME(1, 64),             AQ_REQUIRED, "name that applications use")                             \
    AQ_PROJECT_QUOTA(F, T)
AQ_DECLARE_COMMAND(project_create)

#define aq_project_update_fields(F, T)                                                                                 \
    F(T, name,         NAME(1, 64),             AQ_REQUIRED, "name of the project")                                    \
    AQ_PROJECT_QUOTA(F, T)
AQ_DECLARE_COMMAND(project_update)

#define aq_project_delete_fields(F, T)                                                                                 \
    F(T, name, NAME(1, 64), AQ_REQUIRED, "name of the project")
AQ_DECLARE_COMMAND(project_delete)

/* ---- events ---- */
/* Quotas as earlier builds wrote them into the log: 0 said that there is none. */
#define AQ_PROJECT_EARLIER_QUOTA(F, T)                                                                                 \
    F(T, cpu,          CPU(0, AQ_CPU_MAX),       0,        "most processor cores held at once; 0: no limit")           \
    F(T, ram,          SIZE(0, AQ_SIZE_MAX_MIB), 0,        "most memory held at once; 0: no limit")                    \
    F(T, disk,         SIZE(0, AQ_SIZE_MAX_MIB), 0,        "most disk space held at once; 0: no limit")                \
    F(T, slots,        U64(0, AQ_SLOTS_MAX),     0,        "most slots held at once; 0: no limit")                     \
    F(T, applications, U64(0, 1000000000),       0,        "most applications open at once; 0: no limit")              \
    F(T, description,  TEXT(0, 1024),            AQ_LINES, "what it is for")

#define aq_project_created_fields(F, T)                                                                                \
    F(T, name,         NAME(1, 64),             0, "name of the project")                                              \
    AQ_PROJECT_EARLIER_QUOTA(F, T)
AQ_DECLARE_EVENT(project_created) /* its quotas follow in an event of their own */

#define aq_project_updated_fields(F, T)                                                                                \
    F(T, name,         NAME(1, 64),             0, "name of the project")                                              \
    AQ_PROJECT_EARLIER_QUOTA(F, T)
AQ_DECLARE_EVENT(project_updated) /* of earlier builds */

#define aq_project_quotas_set_fields(F, T)                                                                             \
    F(T, name,         NAME(1, 64),             0, "name of the project")                                              \
    AQ_PROJECT_QUOTA(F, T)
AQ_DECLARE_EVENT(project_quotas_set)

#define aq_project_deleted_fields(F, T)                                                                                \
    F(T, name, NAME(1, 64), 0, "name of the project")
AQ_DECLARE_EVENT(project_deleted)
/* clang-format on */

/* What follows the name in all of these records, from one to another. */
#define AQ_PROJECT_TAKE(tag, field, ...) quota_to->field = quota_from->field;
#define AQ_PROJECT_COPY_QUOTA(to, from)                                                                                \
    do {                                                                                                               \
        __typeof__(to) quota_to = (to);                                                                                \
        __typeof__(from) quota_from = (from);                                                                          \
        AQ_PROJECT_QUOTA(AQ_PROJECT_TAKE, )                                                                            \
    } while (0)

/* A quota on amounts: of each field of aq_amounts, the number as fields "or none" store it. */
struct aq_quota {
    struct aq_amounts most;
};
struct aq_quota aq_project_quota(const struct aq_project *project);      /* on what all hold together */
struct aq_quota aq_project_user_quota(const struct aq_project *project); /* on what each user holds in it */
bool aq_quota_is_none(const struct aq_quota *quota);

/* Would `more` exceed it beside what is held? Returns the field's name that it exceeds, "cpu"; NULL: none. */
const char *aq_quota_exceeds(const struct aq_quota *quota, const struct aq_amounts *held,
                             const struct aq_amounts *more);
struct aq_amounts aq_quota_amounts(const struct aq_quota *quota); /* 0 where there is none */

/* The row that the tables have from the start. */
extern const struct aq_project aq_project_default;

#endif
