// Completes the open header with the one name that FINN's cppsim expects of Vitis' beside it.

#ifndef STAND_IN_AP_INT_H
#define STAND_IN_AP_INT_H

#include_next <ap_int.h>

class half;

#endif
