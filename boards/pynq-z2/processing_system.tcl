# The processor of the PYNQ-Z2 (PS7 of the Zynq-7000) in a Vivado block design. Its settings are
# those of TUL's board files, written out so that no board files are needed. They only tell the
# tools about the board; on the board itself, the boot loader and Linux have already made them,
# except for the rate of FCLK0.

# Returns: the board part that the project needs: none.
proc board_part {} {
    return {}
}

# Args:
#   cell: name of the cell to create.
#   clock_mhz: rate of FCLK0.
# Returns: a dictionary for the connections of the block design: the paths of pins and interfaces,
# the processor's address space, the memory's segment and its size in bytes.
proc processing_system {cell clock_mhz} {
    set_property -dict [list \
        CONFIG.PCW_CRYSTAL_PERIPHERAL_FREQMHZ 50 \
        CONFIG.PCW_APU_PERIPHERAL_FREQMHZ 650 \
        CONFIG.PCW_PRESET_BANK0_VOLTAGE {LVCMOS 3.3V} \
        CONFIG.PCW_PRESET_BANK1_VOLTAGE {LVCMOS 1.8V} \
        CONFIG.PCW_UIPARAM_DDR_MEMORY_TYPE {DDR 3} \
        CONFIG.PCW_UIPARAM_DDR_PARTNO {MT41J256M16 RE-125} \
        CONFIG.PCW_UIPARAM_DDR_BUS_WIDTH {16 Bit} \
        CONFIG.PCW_UIPARAM_DDR_FREQ_MHZ 525 \
        CONFIG.PCW_UIPARAM_DDR_TRAIN_WRITE_LEVEL 1 \
        CONFIG.PCW_UIPARAM_DDR_TRAIN_READ_GATE 1 \
        CONFIG.PCW_UIPARAM_DDR_TRAIN_DATA_EYE 1 \
        CONFIG.PCW_UIPARAM_DDR_DQS_TO_CLK_DELAY_0 -0.051 \
        CONFIG.PCW_UIPARAM_DDR_DQS_TO_CLK_DELAY_1 -0.006 \
        CONFIG.PCW_UIPARAM_DDR_DQS_TO_CLK_DELAY_2 -0.009 \
        CONFIG.PCW_UIPARAM_DDR_DQS_TO_CLK_DELAY_3 -0.033 \
        CONFIG.PCW_UIPARAM_DDR_BOARD_DELAY0 0.279 \
        CONFIG.PCW_UIPARAM_DDR_BOARD_DELAY1 0.260 \
        CONFIG.PCW_UIPARAM_DDR_BOARD_DELAY2 0.085 \
        CONFIG.PCW_UIPARAM_DDR_BOARD_DELAY3 0.092 \
        CONFIG.PCW_QSPI_PERIPHERAL_ENABLE 1 \
        CONFIG.PCW_QSPI_QSPI_IO {MIO 1 .. 6} \
        CONFIG.PCW_QSPI_GRP_FBCLK_ENABLE 1 \
        CONFIG.PCW_ENET0_PERIPHERAL_ENABLE 1 \
        CONFIG.PCW_ENET0_ENET0_IO {MIO 16 .. 27} \
        CONFIG.PCW_ENET0_GRP_MDIO_ENABLE 1 \
        CONFIG.PCW_ENET0_GRP_MDIO_IO {MIO 52 .. 53} \
        CONFIG.PCW_ENET0_RESET_ENABLE 1 \
        CONFIG.PCW_ENET0_RESET_IO {MIO 9} \
        CONFIG.PCW_USB0_PERIPHERAL_ENABLE 1 \
        CONFIG.PCW_USB0_USB0_IO {MIO 28 .. 39} \
        CONFIG.PCW_USB0_RESET_ENABLE 1 \
        CONFIG.PCW_USB0_RESET_IO {MIO 46} \
        CONFIG.PCW_SD0_PERIPHERAL_ENABLE 1 \
        CONFIG.PCW_SD0_SD0_IO {MIO 40 .. 45} \
        CONFIG.PCW_SD0_GRP_CD_ENABLE 1 \
        CONFIG.PCW_SD0_GRP_CD_IO {MIO 47} \
        CONFIG.PCW_UART0_PERIPHERAL_ENABLE 1 \
        CONFIG.PCW_UART0_UART0_IO {MIO 14 .. 15} \
        CONFIG.PCW_GPIO_MIO_GPIO_ENABLE 1 \
        CONFIG.PCW_EN_CLK0_PORT 1 \
        CONFIG.PCW_FPGA0_PERIPHERAL_FREQMHZ $clock_mhz \
        CONFIG.PCW_EN_RST0_PORT 1 \
        CONFIG.PCW_USE_M_AXI_GP0 1 \
        CONFIG.PCW_USE_S_AXI_HP0 1 \
        CONFIG.PCW_S_AXI_HP0_DATA_WIDTH 64 \
        CONFIG.PCW_USE_FABRIC_INTERRUPT 1 \
        CONFIG.PCW_IRQ_F2P_INTR 1 \
    ] [create_ip_cell processing_system7 $cell]
    foreach {port vlnv} {
        DDR xilinx.com:interface:ddrx_rtl:1.0
        FIXED_IO xilinx.com:display_processing_system7:fixedio_rtl:1.0
    } {
        set pins [create_bd_intf_port -mode Master -vlnv $vlnv $port]
        connect_bd_intf_net [get_bd_intf_pins $cell/$port] $pins
    }
    return [dict create \
        clock $cell/FCLK_CLK0 \
        clocked [list $cell/M_AXI_GP0_ACLK $cell/S_AXI_HP0_ACLK] \
        reset $cell/FCLK_RESET0_N \
        control $cell/M_AXI_GP0 \
        memory $cell/S_AXI_HP0 \
        interrupt $cell/IRQ_F2P \
        space $cell/Data \
        segment $cell/S_AXI_HP0/HP0_DDR_LOWOCM \
        memory_bytes 0x20000000 \
    ]
}
