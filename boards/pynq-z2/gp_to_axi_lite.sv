// Bridge from a general-purpose port of the Zynq-7000 processor (M_AXI_GP: AXI3, 32 bits, 12 bits
// of ID) to AXI4-Lite, for designs without AMD's interconnect. It handles one write burst and one
// read burst at a time, turns their beats into consecutive accesses and returns the ID with the
// response. It supports INCR, FIXED and WRAP bursts with beats of 1, 2 or 4 bytes. Outside the 4
// KiB from BASE it responds with DECERR itself, so a stray access of the processor ends in an
// error, not in a hang.

module gp_to_axi_lite #(
    parameter logic [31:0] BASE = 32'h4000_0000  // start of the 4 KiB, a multiple of 4 KiB
) (
    input  logic        clk,
    input  logic        rst_n,         // synchronous, active low

    input  logic [11:0] gp_awid,       // the processor's side, with the names of its specification
    input  logic [31:0] gp_awaddr,
    input  logic [3:0]  gp_awlen,
    input  logic [1:0]  gp_awsize,
    input  logic [1:0]  gp_awburst,
    input  logic        gp_awvalid,
    output logic        gp_awready,
    input  logic [31:0] gp_wdata,      // no WID: the port does not interleave the data of bursts
    input  logic [3:0]  gp_wstrb,
    input  logic        gp_wlast,
    input  logic        gp_wvalid,
    output logic        gp_wready,
    output logic [11:0] gp_bid,
    output logic [1:0]  gp_bresp,      // the first of the burst that is not OKAY
    output logic        gp_bvalid,
    input  logic        gp_bready,
    input  logic [11:0] gp_arid,
    input  logic [31:0] gp_araddr,
    input  logic [3:0]  gp_arlen,
    input  logic [1:0]  gp_arsize,
    input  logic [1:0]  gp_arburst,
    input  logic        gp_arvalid,
    output logic        gp_arready,
    output logic [11:0] gp_rid,
    output logic [31:0] gp_rdata,
    output logic [1:0]  gp_rresp,
    output logic        gp_rlast,
    output logic        gp_rvalid,
    input  logic        gp_rready,

    output logic [11:0] lite_awaddr,   // the registers' side: AXI4-Lite, addresses from BASE
    output logic [2:0]  lite_awprot,
    output logic        lite_awvalid,
    input  logic        lite_awready,
    output logic [31:0] lite_wdata,
    output logic [3:0]  lite_wstrb,
    output logic        lite_wvalid,
    input  logic        lite_wready,
    input  logic [1:0]  lite_bresp,
    input  logic        lite_bvalid,
    output logic        lite_bready,
    output logic [11:0] lite_araddr,
    output logic [2:0]  lite_arprot,
    output logic        lite_arvalid,
    input  logic        lite_arready,
    input  logic [31:0] lite_rdata,
    input  logic [1:0]  lite_rresp,
    input  logic        lite_rvalid,
    output logic        lite_rready
);

    if (BASE[11:0] != 0) begin : check_base
        $error("gp_to_axi_lite: BASE = %0h, must be a multiple of 1000", BASE);
    end

    localparam logic [1:0] OKAY = 2'b00, DECERR = 2'b11;
    localparam logic [1:0] FIXED = 2'b00, WRAP = 2'b10;

    // The address of a burst's next beat. No burst leaves its 4 KiB. Only the first beat may be
    // unaligned; here the later ones then keep its offset, which leaves them in the right word.
    function automatic logic [11:0] next_address(
        logic [11:0] address, logic [3:0] len, logic [1:0] size, logic [1:0] burst
    );
        logic [11:0] step, around, following;
        step = 12'd1 << size;
        around = ((12'(len) + 12'd1) << size) - 12'd1;
        following = address + step;
        case (burst)
            FIXED: next_address = address;
            WRAP: next_address = (address & ~around) | (following & around);
            default: next_address = following;
        endcase
    endfunction

    assign lite_awprot = 3'b000;
    assign lite_arprot = 3'b000;

    // Writes: the burst, then each beat's data, access and response, then the burst's response.
    typedef enum logic [2:0] {W_BURST, W_DATA, W_ACCESS, W_ANSWER, W_END} write_state_t;
    write_state_t write_state;
    logic [3:0] write_len;
    logic [1:0] write_size, write_burst;
    logic       write_outside, write_last;

    assign gp_awready = write_state == W_BURST;
    assign gp_wready = write_state == W_DATA;
    assign gp_bvalid = write_state == W_END;
    assign lite_bready = write_state == W_ANSWER;

    always_ff @(posedge clk) begin
        if (!rst_n) begin
            write_state  <= W_BURST;
            lite_awvalid <= 1'b0;
            lite_wvalid  <= 1'b0;
        end else begin
            case (write_state)
                W_BURST: if (gp_awvalid) write_state <= W_DATA;
                W_DATA: if (gp_wvalid) begin
                    if (!write_outside) begin
                        lite_awvalid <= 1'b1;
                        lite_wvalid  <= 1'b1;
                        write_state  <= W_ACCESS;
                    end else if (gp_wlast) begin
                        write_state <= W_END;
                    end
                end
                W_ACCESS: begin
                    if (lite_awready) lite_awvalid <= 1'b0;
                    if (lite_wready) lite_wvalid <= 1'b0;
                    if ((lite_awready || !lite_awvalid) && (lite_wready || !lite_wvalid)) begin
                        write_state <= W_ANSWER;
                    end
                end
                W_ANSWER: if (lite_bvalid) write_state <= write_last ? W_END : W_DATA;
                default: if (gp_bready) write_state <= W_BURST;
            endcase
        end
    end

    always_ff @(posedge clk) begin
        case (write_state)
            W_BURST: begin
                gp_bid        <= gp_awid;
                gp_bresp      <= gp_awaddr[31:12] == BASE[31:12] ? OKAY : DECERR;
                write_outside <= gp_awaddr[31:12] != BASE[31:12];
                lite_awaddr   <= gp_awaddr[11:0];
                write_len     <= gp_awlen;
                write_size    <= gp_awsize;
                write_burst   <= gp_awburst;
            end
            W_DATA: begin
                lite_wdata <= gp_wdata;
                lite_wstrb <= gp_wstrb;
                write_last <= gp_wlast;
            end
            W_ANSWER: if (lite_bvalid) begin
                lite_awaddr <= next_address(lite_awaddr, write_len, write_size, write_burst);
                if (gp_bresp == OKAY) gp_bresp <= lite_bresp;
            end
            default: ;
        endcase
    end

    // Reads: the burst, then for each beat the access, its response and the beat.
    typedef enum logic [1:0] {R_BURST, R_ACCESS, R_ANSWER, R_BEAT} read_state_t;
    read_state_t read_state;
    logic [3:0] read_len, read_left;
    logic [1:0] read_size, read_burst;
    logic       read_outside;

    assign gp_arready = read_state == R_BURST;
    assign gp_rvalid = read_state == R_BEAT;
    assign gp_rlast = read_left == 0;
    assign lite_arvalid = read_state == R_ACCESS;
    assign lite_rready = read_state == R_ANSWER;

    always_ff @(posedge clk) begin
        if (!rst_n) begin
            read_state <= R_BURST;
        end else begin
            case (read_state)
                R_BURST: if (gp_arvalid) begin
                    read_state <= gp_araddr[31:12] == BASE[31:12] ? R_ACCESS : R_BEAT;
                end
                R_ACCESS: if (lite_arready) read_state <= R_ANSWER;
                R_ANSWER: if (lite_rvalid) read_state <= R_BEAT;
                default: if (gp_rready) begin
                    if (read_left == 0) read_state <= R_BURST;
                    else if (!read_outside) read_state <= R_ACCESS;
                end
            endcase
        end
    end

    always_ff @(posedge clk) begin
        case (read_state)
            R_BURST: begin
                gp_rid       <= gp_arid;
                gp_rresp     <= DECERR;  // unless an access responds
                gp_rdata     <= 32'd0;
                lite_araddr  <= gp_araddr[11:0];
                read_len     <= gp_arlen;
                read_left    <= gp_arlen;
                read_size    <= gp_arsize;
                read_burst   <= gp_arburst;
                read_outside <= gp_araddr[31:12] != BASE[31:12];
            end
            R_ANSWER: begin
                gp_rdata <= lite_rdata;
                gp_rresp <= lite_rresp;
            end
            R_BEAT: if (gp_rready) begin
                read_left   <= read_left - 4'd1;
                lite_araddr <= next_address(lite_araddr, read_len, read_size, read_burst);
            end
            default: ;
        endcase
    end

endmodule
