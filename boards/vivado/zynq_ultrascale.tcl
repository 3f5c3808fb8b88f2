# The processor of a Zynq UltraScale+ in a Vivado block design. Its settings come from the board's
# files for Vivado, which build.tcl names in vivado_board. On the board itself, the boot loader and
# Linux have already made them, except for the rate of PL0.

# Returns: the board part that the project needs.
proc board_part {} {
    set boards [get_board_parts $::vivado_board]
    if {[llength $boards] == 0} {
        error "irnet: this Vivado has no board files that match $::vivado_board; install them"
    }
    return [lindex [lsort -dictionary $boards] end]
}

# Args:
#   cell: name of the cell to create.
#   clock_mhz: rate of PL0.
# Returns: a dictionary for the connections of the block design: the paths of pins and interfaces,
# the processor's address space, the memory's segment and its size in bytes.
proc processing_system {cell clock_mhz} {
    set processor [create_ip_cell zynq_ultra_ps_e $cell]
    apply_bd_automation -rule xilinx.com:bd_rule:zynq_ultra_ps_e \
        -config {apply_board_preset "1"} $processor
    set_property -dict [list \
        CONFIG.PSU__FPGA_PL0_ENABLE 1 \
        CONFIG.PSU__CRL_APB__PL0_REF_CTRL__FREQMHZ $clock_mhz \
        CONFIG.PSU__USE__FABRIC__RST 1 \
        CONFIG.PSU__USE__M_AXI_GP0 1 \
        CONFIG.PSU__MAXIGP0__DATA_WIDTH 32 \
        CONFIG.PSU__USE__M_AXI_GP1 0 \
        CONFIG.PSU__USE__M_AXI_GP2 0 \
        CONFIG.PSU__USE__S_AXI_GP2 1 \
        CONFIG.PSU__SAXIGP2__DATA_WIDTH 64 \
        CONFIG.PSU__USE__IRQ0 1 \
    ] $processor
    return [dict create \
        clock $cell/pl_clk0 \
        clocked [list $cell/maxihpm0_fpd_aclk $cell/saxihp0_fpd_aclk] \
        reset $cell/pl_resetn0 \
        control $cell/M_AXI_HPM0_FPD \
        memory $cell/S_AXI_HP0_FPD \
        interrupt $cell/pl_ps_irq0 \
        space $cell/Data \
        segment $cell/SAXIGP2/HP0_DDR_LOW \
        memory_bytes 0x80000000 \
    ]
}
