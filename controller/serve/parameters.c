#include "controller/serve/parameters.h"

AQ_DEFINE_SETTINGS(parameters_read, "read", "parameters of reads")
AQ_DEFINE_SETTINGS(parameters_list, "list", "parameters of lists")
AQ_DEFINE_SETTINGS(parameters_write, "write", "parameters of commands")
AQ_DEFINE_SETTINGS(parameters_history, "history", "parameters of the events of a row")
AQ_DEFINE_SETTINGS(parameters_rights, "rights", "parameters of what somebody may do")
AQ_DEFINE_SETTINGS(parameters_output, "output", "parameters of a workload's log")
AQ_DEFINE_SETTINGS(parameters_load, "load", "parameters of what a row uses and has used")
AQ_DEFINE_SETTINGS(parameters_exec, "exec", "parameters of the output of a command in a workload")
AQ_DEFINE_SETTINGS(parameters_stream, "stream", "parameters of event streams")
