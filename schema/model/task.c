#include "schema/model/task.h"

#include "schema/model/application.h"
#include "schema/model/node.h"
#include "schema/model/project.h"
#include "schema/model/resource.h"
#include "schema/model/user.h"

AQ_DEFINE_WORDS(aq_task_kind, AQ_TASK_KINDS)
AQ_DEFINE_WORDS(aq_task_when, AQ_TASK_TIMES)
AQ_DEFINE_WORDS(aq_task_status, AQ_TASK_STATUSES)
AQ_ENTITY(task, 1, "something that is made of a workload: a snapshot, or an image", .plural = "tasks", .rank = 25,
          .owner = "user", .owner_number = "user_number", .project = "project", .indexed_by_owner = true)

AQ_COMMAND(task, create, 100, AQ_CREATES, "make a snapshot or an image of a workload", .value = "application")
AQ_COMMAND(task, cancel, 101, AQ_ACTS, "call a task off", .past = "cancelled")
AQ_COMMAND(task, end, 102, AQ_INTERNAL_COMMAND, "an agent has made what a task is for, or cannot")
AQ_COMMAND(task, expire, 103, AQ_INTERNAL_COMMAND, "a task takes too long")

AQ_EVENT(task, created, 100, 1, "a task was asked for")
AQ_EVENT(task, begun, 101, 1, "a node has a task to do")
AQ_EVENT(task, ended, 102, 1, "a task is over")

bool aq_task_is_over(enum aq_task_status status)
{
    return status != AQ_TASK_NEW && status != AQ_TASK_RUNNING;
}
