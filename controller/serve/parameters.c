#include "controller/serve/parameters.h"

AQ_DEFINE_WORDS(parameter_format, PARAMETER_FORMATS)
AQ_DEFINE_SETTINGS(parameters_read, "read", "parameters of reads")
AQ_DEFINE_SETTINGS(parameters_list, "list", "parameters of lists")
AQ_DEFINE_SETTINGS(parameters_write, "write", "parameters of commands")
AQ_DEFINE_SETTINGS(parameters_history, "history", "parameters of the events of a row")
AQ_DEFINE_SETTINGS(parameters_output, "output", "parameters of a workload's log")
AQ_DEFINE_SETTINGS(parameters_stream, "stream", "parameters of event streams")
AQ_DEFINE_SETTINGS(parameters_metadata, "metadata", "parameters of the metadata service")
