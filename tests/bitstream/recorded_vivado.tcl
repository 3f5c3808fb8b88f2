# Replaces Vivado for the scripts of a flow: procedures with the names of its commands, which record
# how they are called and do the little that the scripts rely on. They check that UG835 documents a
# command's options, and that a named object was created before. They know nothing about devices,
# parameters and timing.

set calls {}
set made(cells) {}
set made(intf_ports) {}
set made(files) {}
set made(connected) {}
set messages {}

# Pins and interfaces of the IPs and of the module, named as in their product guides.
array set pins {
    processing_system7 {FCLK_CLK0 FCLK_RESET0_N M_AXI_GP0_ACLK S_AXI_HP0_ACLK IRQ_F2P}
    zynq_ultra_ps_e {pl_clk0 pl_resetn0 maxihpm0_fpd_aclk saxihp0_fpd_aclk pl_ps_irq0}
    proc_sys_reset {slowest_sync_clk ext_reset_in peripheral_aresetn}
    smartconnect {aclk aresetn}
    irnet_vivado {aclk aresetn interrupt}
}
array set interfaces {
    processing_system7 {DDR FIXED_IO M_AXI_GP0 S_AXI_HP0}
    zynq_ultra_ps_e {M_AXI_HPM0_FPD S_AXI_HP0_FPD}
    proc_sys_reset {}
    smartconnect {S00_AXI M00_AXI}
    irnet_vivado {s_axi m_axi}
}
array set segments {
    processing_system7 {S_AXI_HP0/HP0_DDR_LOWOCM}
    zynq_ultra_ps_e {
        SAXIGP2/HP0_DDR_LOW SAXIGP2/HP0_DDR_HIGH SAXIGP2/HP0_QSPI SAXIGP2/HP0_LPS_OCM
    }
}
array set spaces {
    processing_system7 Data
    zynq_ultra_ps_e Data
    irnet_vivado m_axi
}

# From UG835: options with a value, options without, minimum and maximum of other arguments.
array set documented {
    create_project {{-part} {-force -in_memory} 0 2}
    set_msg_config {{-id -new_severity -severity -string} {-suppress} 0 0}
    add_files {{-fileset} {-norecurse -force} 1 1}
    set_property {{-dict} {} 1 3}
    update_compile_order {{-fileset} {} 0 0}
    create_bd_design {{} {} 1 1}
    create_bd_cell {{-vlnv -type -reference} {} 1 1}
    create_bd_intf_port {{-mode -vlnv} {} 1 1}
    connect_bd_net {{-net} {} 1 99}
    connect_bd_intf_net {{-intf_net} {} 2 2}
    get_bd_pins {{} {-quiet} 1 1}
    get_bd_intf_pins {{} {-quiet} 1 1}
    get_bd_addr_segs {{-of_objects} {-quiet} 0 1}
    get_bd_addr_spaces {{} {-quiet} 1 1}
    assign_bd_address {{-offset -range -target_address_space} {-force} 0 1}
    exclude_bd_addr_seg {{-target_address_space} {} 1 1}
    apply_bd_automation {{-rule -config} {} 1 1}
    validate_bd_design {{} {-force} 0 0}
    save_bd_design {{} {} 0 0}
    get_ipdefs {{} {-all} 1 1}
    get_board_parts {{} {-quiet} 1 1}
    current_project {{} {} 0 0}
    current_fileset {{} {} 0 0}
    get_files {{} {-quiet} 1 1}
    generate_target {{} {-force} 2 2}
    make_wrapper {{-files} {-top} 0 0}
    launch_runs {{-to_step -jobs} {} 1 1}
    wait_on_run {{} {} 1 1}
    get_runs {{} {} 1 1}
    get_property {{} {} 2 2}
    open_run {{} {} 1 1}
    report_timing_summary {{-file} {} 0 0}
    report_utilization {{-file} {} 0 0}
}

proc note {name arguments} {
    global calls documented
    lassign $documented($name) valued bare least most
    set plain 0
    for {set i 0} {$i < [llength $arguments]} {incr i} {
        set argument [lindex $arguments $i]
        if {$argument in $valued} {
            incr i
            if {$i == [llength $arguments]} { error "$name: $argument without a value" }
        } elseif {$argument ni $bare} {
            if {[string match {-[a-z]*} $argument]} { error "$name: no option $argument" }
            incr plain
        }
    }
    if {$plain < $least || $plain > $most} { error "$name: $plain arguments: $arguments" }
    lappend calls [linsert $arguments 0 $name]
}

proc option {arguments name} {
    set at [lsearch -exact $arguments $name]
    return [expr {$at < 0 ? "" : [lindex $arguments $at+1]}]
}

proc kind {cell} {
    global made
    if {![dict exists $made(cells) $cell]} { error "there is no cell $cell" }
    return [dict get $made(cells) $cell]
}

# An object CELL/NAME, if the cell has it by a table.
proc object {table path} {
    upvar #0 $table known
    set path [string trimleft $path /]
    lassign [list [file dirname $path] [file tail $path]] cell name
    if {$name ni $known([kind $cell])} { error "$cell has no $name among its $table" }
    return /$path
}

foreach name [array names documented] {
    proc $name {args} [format {
        note %1$s $args
        if {[info commands do_%1$s] ne ""} { return [do_%1$s $args] }
    } $name]
}

proc do_get_ipdefs {arguments} {
    regexp {^xilinx.com:ip:(\w+):\*$} [lindex $arguments 0] all name
    if {$name eq $::missing} { return {} }
    return [list xilinx.com:ip:$name:1.9 xilinx.com:ip:$name:1.10]
}
proc do_get_board_parts {arguments} {
    if {$::missing eq "board files"} { return {} }
    set all {
        xilinx.com:zcu104:part0:1.0 xilinx.com:zcu104:part0:1.1 xilinx.com:kv260_som:part0:1.4
        realdigital.org:aup-zu3-4gb:part0:1.0 realdigital.org:aup-zu3-8gb:part0:1.0
    }
    return [lsearch -all -inline -glob $all [lindex $arguments 0]]
}
proc do_create_bd_cell {arguments} {
    global made
    set name [lindex $arguments end]
    switch [option $arguments -type] {
        ip {
            regexp {^xilinx.com:ip:(\w+):1.10$} [option $arguments -vlnv] all kind
        }
        module {
            set kind [option $arguments -reference]
            if {[lsearch -glob $made(files) */$kind.v] < 0} { error "no file of $kind" }
        }
    }
    dict set made(cells) $name $kind
    return /$name
}
proc do_create_bd_intf_port {arguments} {
    lappend ::made(intf_ports) [lindex $arguments end]
    return /[lindex $arguments end]
}
proc do_get_bd_pins {arguments} { return [object ::pins [lindex $arguments end]] }
proc do_get_bd_intf_pins {arguments} { return [object ::interfaces [lindex $arguments end]] }
proc do_get_bd_addr_spaces {arguments} { return [object ::spaces [lindex $arguments end]] }
proc do_get_bd_addr_segs {arguments} {
    set of [option $arguments -of_objects]
    if {$of ne ""} { return $of/reg0 }
    set path [lindex $arguments end]
    set cell [lindex [split $path /] 0]
    set found {}
    foreach segment $::segments([kind $cell]) {
        if {[string match $path $cell/$segment]} { lappend found /$cell/$segment }
    }
    if {[llength $found] == 0} { error "there is no segment $path" }
    return $found
}
proc do_connect_bd_net {arguments} {
    foreach pin $arguments { lappend ::made(connected) $pin }
}
proc do_connect_bd_intf_net {arguments} {
    foreach interface $arguments {
        if {$interface in $::made(connected)} { error "$interface is connected twice" }
        lappend ::made(connected) $interface
    }
}
proc do_assign_bd_address {arguments} {
    if {[lindex [option $arguments -target_address_space] 0] eq ""} { error "no space" }
}
proc do_add_files {arguments} {
    set files [lindex $arguments end]
    foreach file $files {
        if {![file exists $file]} { error "there is no file $file" }
        lappend ::made(files) $file
    }
    return $files
}
proc do_get_files {arguments} { return [lindex $arguments end] }
proc do_current_project {arguments} { return irnet }
proc do_current_fileset {arguments} { return sources_1 }
proc do_get_runs {arguments} { return [lindex $arguments 0] }
proc do_make_wrapper {arguments} {
    set file irnet/irnet.gen/sources_1/bd/system/hdl/system_wrapper.v
    file mkdir [file dirname $file]
    close [open $file w]
    return $file
}
proc do_get_property {arguments} {
    lassign $arguments name object
    switch $name {
        PROGRESS { return [expr {$object eq $::failing ? "42%" : "100%"}] }
        STATUS { return "place_design ERROR" }
        DIRECTORY { return irnet/irnet.runs/$object }
    }
    error "no property $name of $object"
}
proc do_open_run {arguments} {
    foreach file {
        irnet/irnet.runs/impl_1/system_wrapper.bit
        irnet/irnet.gen/sources_1/bd/system/hw_handoff/system.hwh
    } {
        file mkdir [file dirname $file]
        set handle [open $file w]
        puts -nonewline $handle [file extension $file]
        close $handle
    }
}
rename puts write_text
proc puts {args} {
    if {[llength $args] == 1} { lappend ::messages [lindex $args 0] } else { write_text {*}$args }
}
