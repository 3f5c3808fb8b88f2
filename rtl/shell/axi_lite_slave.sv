// AXI4-Lite slave: gives the bus one write port and one read port of a register file. The address
// and data of a write may arrive in any order. It handles one write and one read at a time and
// answers each request once. Every output to the bus comes from a flip-flop.

module axi_lite_slave (
    input  logic        clk,
    input  logic        rst_n,           // synchronous, active low

    input  logic [11:0] s_axi_awaddr,    // the bus, with the names of its specification
    input  logic [2:0]  s_axi_awprot,    // ignored
    input  logic        s_axi_awvalid,
    output logic        s_axi_awready,
    input  logic [31:0] s_axi_wdata,
    input  logic [3:0]  s_axi_wstrb,
    input  logic        s_axi_wvalid,
    output logic        s_axi_wready,
    output logic [1:0]  s_axi_bresp,
    output logic        s_axi_bvalid,
    input  logic        s_axi_bready,
    input  logic [11:0] s_axi_araddr,
    input  logic [2:0]  s_axi_arprot,    // ignored
    input  logic        s_axi_arvalid,
    output logic        s_axi_arready,
    output logic [31:0] s_axi_rdata,
    output logic [1:0]  s_axi_rresp,
    output logic        s_axi_rvalid,
    input  logic        s_axi_rready,

    output logic        write_valid,     // a write is pending; it happens with write_ready
    input  logic        write_ready,
    output logic [9:0]  write_word,      // register to write: its offset / 4
    output logic [31:0] write_data,
    output logic [31:0] write_mask,      // bits to write
    input  logic        write_outside,   // there is no such register

    output logic        read_valid,      // a register is read in this cycle
    output logic [9:0]  read_word,       // register to read: its offset / 4
    input  logic [31:0] read_data,       // its value in this cycle
    input  logic        read_outside     // there is no such register
);

    localparam logic [1:0] OKAY = 2'b00, SLVERR = 2'b10;

    // All bytes of a register share one address; no access is privileged.
    logic unused;
    assign unused = ^{s_axi_awaddr[1:0], s_axi_awprot, s_axi_araddr[1:0], s_axi_arprot};

    // A channel that is not ready holds an address or data that was taken.
    logic [3:0] strobes;
    logic       write;

    assign write_valid = !s_axi_awready && !s_axi_wready && !s_axi_bvalid;
    assign write = write_valid && write_ready;
    for (genvar i = 0; i < 4; i++) begin : gen_mask
        assign write_mask[i*8 +: 8] = {8{strobes[i]}};
    end

    always_ff @(posedge clk) begin
        if (!rst_n) begin
            s_axi_awready <= 1'b1;
            s_axi_wready  <= 1'b1;
            s_axi_bvalid  <= 1'b0;
        end else begin
            if (write) s_axi_awready <= 1'b1;
            else if (s_axi_awvalid) s_axi_awready <= 1'b0;
            if (write) s_axi_wready <= 1'b1;
            else if (s_axi_wvalid) s_axi_wready <= 1'b0;
            if (write) s_axi_bvalid <= 1'b1;
            else if (s_axi_bready) s_axi_bvalid <= 1'b0;
        end
    end

    always_ff @(posedge clk) begin
        if (s_axi_awready) write_word <= s_axi_awaddr[11:2];
        if (s_axi_wready) begin
            write_data <= s_axi_wdata;
            strobes    <= s_axi_wstrb;
        end
        if (write) s_axi_bresp <= write_outside ? SLVERR : OKAY;
    end

    assign read_valid = !s_axi_arready && !s_axi_rvalid;

    always_ff @(posedge clk) begin
        if (!rst_n) begin
            s_axi_arready <= 1'b1;
            s_axi_rvalid  <= 1'b0;
        end else begin
            if (read_valid) s_axi_arready <= 1'b1;
            else if (s_axi_arvalid) s_axi_arready <= 1'b0;
            if (read_valid) s_axi_rvalid <= 1'b1;
            else if (s_axi_rready) s_axi_rvalid <= 1'b0;
        end
    end

    always_ff @(posedge clk) begin
        if (s_axi_arready) read_word <= s_axi_araddr[11:2];
        if (read_valid) begin
            s_axi_rdata <= read_data;
            s_axi_rresp <= read_outside ? SLVERR : OKAY;
        end
    end

endmodule
