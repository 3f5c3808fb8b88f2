# Makes an accelerator's bitstream with Vivado: a block design with the processor, its reset, the
# accelerator in its shell and the two interconnects between them; then synthesis, place and route.
# It writes irnet.bit, irnet.hwh, timing.rpt and utilisation.rpt into the current folder.
#
# build.tcl, which sources this, has set scripts, accelerator, part, vivado_board, clock_mhz,
# address_bits, register_base, sources and memories; processing_system.tcl has defined the procedures
# board_part and processing_system. Lines that begin with "irnet: " report progress. IP is not
# requested by version: the newest version that this Vivado has is used. There are no constraints: a
# design has no pins of its own, and its clock comes from the processor's settings.

proc newest_ip {name} {
    set found [get_ipdefs "xilinx.com:ip:${name}:*"]
    if {[llength $found] == 0} {
        error "irnet: this Vivado has no IP called $name"
    }
    return [lindex [lsort -dictionary $found] end]
}

proc create_ip_cell {name cell} {
    return [create_bd_cell -type ip -vlnv [newest_ip $name] $cell]
}

# Connects one master to one slave and adapts protocol and width: the ports of the Zynq-7000's
# processor are AXI3.
proc connect_through {cell master slave} {
    set_property -dict [list CONFIG.NUM_SI 1 CONFIG.NUM_MI 1] [create_ip_cell smartconnect $cell]
    connect_bd_intf_net [get_bd_intf_pins $master] [get_bd_intf_pins $cell/S00_AXI]
    connect_bd_intf_net [get_bd_intf_pins $cell/M00_AXI] [get_bd_intf_pins $slave]
}

proc assign_address {space segment offset range} {
    assign_bd_address -offset $offset -range $range \
        -target_address_space [get_bd_addr_spaces $space] $segment -force
}

proc run_to {run step} {
    launch_runs $run {*}$step
    wait_on_run $run
    if {[get_property PROGRESS [get_runs $run]] ne "100%"} {
        error "irnet: $run failed: [get_property STATUS [get_runs $run]]"
    }
}

puts "irnet: making the project for $part"
create_project irnet irnet -part $part -force
if {[board_part] ne ""} {
    set_property board_part [board_part] [current_project]
}
# A memory without its contents would be a different network, but Vivado only warns about it.
set_msg_config -id {Synth 8-4445} -new_severity ERROR
# As lists, as a path with a space is two files otherwise.
add_files -norecurse [list [file join $scripts irnet_vivado.v]]
foreach source $sources {
    add_files -norecurse [list [file join $accelerator $source]]
}
foreach memory $memories {
    set file [add_files -norecurse [list [file join $accelerator $memory]]]
    set_property file_type {Memory Initialization Files} $file
}
update_compile_order -fileset sources_1

puts "irnet: making the block design"
create_bd_design system
set ps [processing_system processor $clock_mhz]
set board [create_bd_cell -type module -reference irnet_vivado irnet_board]
set_property CONFIG.ADDRESS_BITS $address_bits $board

set reset [create_ip_cell proc_sys_reset reset]
connect_bd_net [get_bd_pins [dict get $ps reset]] [get_bd_pins reset/ext_reset_in]
connect_through registers [dict get $ps control] irnet_board/s_axi
connect_through memory irnet_board/m_axi [dict get $ps memory]
set clocked [list reset/slowest_sync_clk registers/aclk memory/aclk irnet_board/aclk]
foreach pin [concat [dict get $ps clocked] $clocked] {
    connect_bd_net [get_bd_pins [dict get $ps clock]] [get_bd_pins $pin]
}
foreach cell {registers memory irnet_board} {
    connect_bd_net [get_bd_pins reset/peripheral_aresetn] [get_bd_pins $cell/aresetn]
}
connect_bd_net [get_bd_pins irnet_board/interrupt] [get_bd_pins [dict get $ps interrupt]]

set slave [get_bd_addr_segs -of_objects [get_bd_intf_pins irnet_board/s_axi]]
assign_address [dict get $ps space] $slave $register_base 0x1000
set memory [dict get $ps segment]
assign_address irnet_board/m_axi [get_bd_addr_segs $memory] 0x0 [dict get $ps memory_bytes]
foreach other [get_bd_addr_segs [file dirname $memory]/*] {
    if {[string trimleft $other /] ne $memory} {
        exclude_bd_addr_seg -target_address_space [get_bd_addr_spaces irnet_board/m_axi] $other
    }
}
validate_bd_design
save_bd_design

# Synthesise the whole design in one run, which finds the memory files.
set design [get_files system.bd]
set_property synth_checkpoint_mode None $design
generate_target all $design
add_files -norecurse [list [make_wrapper -files $design -top]]
set_property top system_wrapper [current_fileset]
update_compile_order -fileset sources_1

puts "irnet: synthesising"
run_to synth_1 {}
puts "irnet: placing and routing"
run_to impl_1 {-to_step write_bitstream}
open_run impl_1
report_timing_summary -file timing.rpt
report_utilization -file utilisation.rpt
file copy -force [file join [get_property DIRECTORY [get_runs impl_1]] system_wrapper.bit] irnet.bit
# In irnet.srcs before version 2020.2.
set described [glob irnet/irnet.{gen,srcs}/sources_1/bd/system/hw_handoff/system.hwh]
file copy -force [lindex $described 0] irnet.hwh
puts "irnet: done"
