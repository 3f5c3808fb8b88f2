// The AXI4-Lite slave answers each request once, accesses the requested registers, and keeps what
// it offers, whatever master and registers do.

module axi_lite_slave_proof (
    input logic        clk,
    input logic        rst_n,
    input logic [11:0] s_axi_awaddr,
    input logic        s_axi_awvalid,
    input logic [31:0] s_axi_wdata,
    input logic [3:0]  s_axi_wstrb,
    input logic        s_axi_wvalid,
    input logic        s_axi_bready,
    input logic [11:0] s_axi_araddr,
    input logic        s_axi_arvalid,
    input logic        s_axi_rready,
    input logic        write_ready,
    input logic        write_outside,
    input logic [31:0] read_data,
    input logic        read_outside
);

    logic        s_axi_awready, s_axi_wready, s_axi_bvalid, s_axi_arready, s_axi_rvalid;
    logic [1:0]  s_axi_bresp, s_axi_rresp;
    logic [31:0] s_axi_rdata, write_data, write_mask;
    logic [9:0]  write_word, read_word;
    logic        write_valid, read_valid;

    axi_lite_slave dut (.s_axi_awprot(3'd0), .s_axi_arprot(3'd0), .*);

    // Handshakes, counted modulo their width, and the contents of the newest ones.
    logic [3:0]  awaddrs, wdatas, writes, bresps, araddrs, reads, rdatas;
    logic [11:0] awaddr, araddr;
    logic [31:0] wdata, rdata;
    logic [3:0]  wstrb;
    logic [1:0]  bresp, rresp;
    logic        b_waited, r_waited;

    always_ff @(posedge clk) begin
        if (!rst_n) {awaddrs, wdatas, writes, bresps, araddrs, reads, rdatas} <= '0;
        else begin
            if (s_axi_awvalid && s_axi_awready) awaddrs <= awaddrs + 1'b1;
            if (s_axi_wvalid && s_axi_wready) wdatas <= wdatas + 1'b1;
            if (write_valid && write_ready) writes <= writes + 1'b1;
            if (s_axi_bvalid && s_axi_bready) bresps <= bresps + 1'b1;
            if (s_axi_arvalid && s_axi_arready) araddrs <= araddrs + 1'b1;
            if (read_valid) reads <= reads + 1'b1;
            if (s_axi_rvalid && s_axi_rready) rdatas <= rdatas + 1'b1;
        end
        if (s_axi_awvalid && s_axi_awready) awaddr <= s_axi_awaddr;
        if (s_axi_wvalid && s_axi_wready) begin
            wdata <= s_axi_wdata;
            wstrb <= s_axi_wstrb;
        end
        if (write_valid && write_ready) bresp <= {write_outside, 1'b0};
        if (s_axi_arvalid && s_axi_arready) araddr <= s_axi_araddr;
        if (read_valid) begin
            rdata <= read_data;
            rresp <= {read_outside, 1'b0};
        end
        b_waited <= rst_n && s_axi_bvalid && !s_axi_bready;
        r_waited <= rst_n && s_axi_rvalid && !s_axi_rready;
    end

    always_comb begin
        if (rst_n) begin
            // The slave holds a request until it happens, and its response until it is taken.
            assert (awaddrs - writes == 4'(!s_axi_awready));
            assert (wdatas - writes == 4'(!s_axi_wready));
            assert (writes - bresps == 4'(s_axi_bvalid));
            assert (araddrs - reads == 4'(!s_axi_arready));
            assert (reads - rdatas == 4'(s_axi_rvalid));
            if (b_waited) assert (s_axi_bvalid);
            if (r_waited) assert (s_axi_rvalid);
            if (s_axi_bvalid) assert (s_axi_bresp == bresp);
            if (s_axi_rvalid) assert (s_axi_rdata == rdata && s_axi_rresp == rresp);
            if (!s_axi_awready) assert (write_word == awaddr[11:2]);
            if (!s_axi_wready) assert (write_data == wdata && dut.strobes == wstrb);
            for (int i = 0; i < 4; i++) begin
                if (!s_axi_wready) assert (write_mask[i*8 +: 8] == {8{wstrb[i]}});
            end
            if (!s_axi_arready) assert (read_word == araddr[11:2]);
            // Every pending request makes progress.
            if (!s_axi_arready && !s_axi_rvalid) assert (read_valid);
            if (!s_axi_awready && !s_axi_wready && !s_axi_bvalid) assert (write_valid);
        end
    end

endmodule
