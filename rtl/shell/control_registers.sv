// Control registers: the shell's register map, behind the AXI4-Lite slave.
// irnet_hw/runtime/registers.py has the same map in Python and explains each register and bit.

module control_registers #(
    parameter logic [127:0] IDENTITY = '0,  // of the accelerator, its first byte lowest
    parameter int CAPACITY = 4              // batches that can be queued, 1 to 255
) (
    input  logic        clk,
    input  logic        rst_n,            // synchronous, active low
    input  logic        flow_rst_n,       // likewise, and low during a soft reset

    input  logic        write_valid,      // a write is pending; it happens with write_ready
    output logic        write_ready,
    input  logic [9:0]  write_word,       // register to write: its offset / 4
    input  logic [31:0] write_data,
    input  logic [31:0] write_mask,       // bits to write
    output logic        write_outside,    // there is no such register

    input  logic        read_valid,       // a register is read in this cycle
    input  logic [9:0]  read_word,        // register to read: its offset / 4
    output logic [31:0] read_data,
    output logic        read_outside,     // there is no such register

    output logic        start,            // queue a batch
    output logic        reset_request,    // begin a soft reset
    output logic [63:0] source,           // of the next batch
    output logic [63:0] target,
    output logic [31:0] frames,
    output logic        frames_changed,   // in the previous cycle
    input  logic        lengths_ready,    // the lengths for these frames are known

    input  logic        resetting,        // a soft reset is under way
    input  logic        full,             // no batch can be queued
    input  logic [7:0]  queued,           // unfinished batches
    input  logic        done,             // a batch is finished
    input  logic [6:0]  errors_seen,      // bits of ERRORS to set

    input  logic [31:0] frames_in,        // value of the register of that name
    input  logic [31:0] frames_out,
    input  logic [31:0] latency,
    input  logic [31:0] interval,

    output logic        interrupt         // level: an enabled event has happened
);

    if (CAPACITY < 1 || CAPACITY > 255) begin : check_capacity
        $error("control_registers: CAPACITY = %0d, must be from 1 to 255", CAPACITY);
    end

    localparam logic [31:0] MAGIC_VALUE = 32'h49524e54;  // "IRNT"
    localparam logic [31:0] VERSION_VALUE = 32'd1;       // of this map

    // Offsets / 4.
    localparam logic [9:0] MAGIC       = 10'h000 / 10'd4;
    localparam logic [9:0] VERSION     = 10'h004 / 10'd4;
    localparam logic [9:0] CAPACITY_AT = 10'h008 / 10'd4;
    localparam logic [9:0] IDENTITY_0  = 10'h010 / 10'd4;
    localparam logic [9:0] IDENTITY_1  = 10'h014 / 10'd4;
    localparam logic [9:0] IDENTITY_2  = 10'h018 / 10'd4;
    localparam logic [9:0] IDENTITY_3  = 10'h01c / 10'd4;
    localparam logic [9:0] CONTROL     = 10'h020 / 10'd4;
    localparam logic [9:0] STATUS      = 10'h024 / 10'd4;
    localparam logic [9:0] ERRORS      = 10'h028 / 10'd4;
    localparam logic [9:0] INTERRUPT   = 10'h02c / 10'd4;
    localparam logic [9:0] DONE        = 10'h030 / 10'd4;
    localparam logic [9:0] BATCHES     = 10'h034 / 10'd4;
    localparam logic [9:0] FRAMES_IN   = 10'h038 / 10'd4;
    localparam logic [9:0] FRAMES_OUT  = 10'h03c / 10'd4;
    localparam logic [9:0] SOURCE_LOW  = 10'h040 / 10'd4;
    localparam logic [9:0] SOURCE_HIGH = 10'h044 / 10'd4;
    localparam logic [9:0] TARGET_LOW  = 10'h048 / 10'd4;
    localparam logic [9:0] TARGET_HIGH = 10'h04c / 10'd4;
    localparam logic [9:0] FRAMES      = 10'h050 / 10'd4;
    localparam logic [9:0] CYCLES_LOW  = 10'h060 / 10'd4;
    localparam logic [9:0] CYCLES_HIGH = 10'h064 / 10'd4;
    localparam logic [9:0] LATENCY     = 10'h068 / 10'd4;
    localparam logic [9:0] INTERVAL    = 10'h06c / 10'd4;
    localparam logic [9:0] WORDS       = 10'h080 / 10'd4;  // the map ends here

    // Writes.

    logic        write;
    logic [31:0] ones;          // bits written as 1
    logic        wants_start, wants_reset;

    assign ones = write_data & write_mask;
    assign wants_reset = write_word == CONTROL && ones[1];
    assign wants_start = write_word == CONTROL && ones[0] && !ones[1];
    assign write_ready = !wants_start || (lengths_ready && !frames_changed);
    assign write = write_valid && write_ready;
    assign write_outside = write_word >= WORDS;
    assign start = write && wants_start;
    assign reset_request = write && wants_reset;

    function automatic logic [31:0] merged(input logic [31:0] old);
        return (old & ~write_mask) | ones;
    endfunction

    logic [1:0] enable;         // interrupts on DONE, on an error

    always_ff @(posedge clk) begin
        if (!rst_n) begin
            source         <= '0;
            target         <= '0;
            frames         <= '0;
            frames_changed <= 1'b0;
            enable         <= '0;
        end else begin
            frames_changed <= write && write_word == FRAMES;
            if (write) begin
                case (write_word)
                    SOURCE_LOW:  source[31:0]  <= merged(source[31:0]);
                    SOURCE_HIGH: source[63:32] <= merged(source[63:32]);
                    TARGET_LOW:  target[31:0]  <= merged(target[31:0]);
                    TARGET_HIGH: target[63:32] <= merged(target[63:32]);
                    FRAMES:      frames        <= merged(frames);
                    INTERRUPT:   enable        <= 2'(merged(32'(enable)));
                    default: ;
                endcase
            end
        end
    end

    // Flags that stay set until cleared. An event wins over a write that clears its flag.

    logic [6:0] errors;
    logic       finished;

    always_ff @(posedge clk) begin
        if (!rst_n || reset_request) begin
            errors   <= '0;
            finished <= 1'b0;
        end else begin
            errors   <= (errors & ~(write && write_word == ERRORS ? ones[6:0] : '0)) | errors_seen;
            finished <= (finished && !(write && write_word == DONE && ones[0])) || done;
        end
    end

    always_ff @(posedge clk) begin
        if (!rst_n) interrupt <= 1'b0;
        else interrupt <= (enable[0] && finished) || (enable[1] && errors != '0);
    end

    // Counters.

    logic        busy;
    logic [31:0] batches;
    logic [63:0] cycles;        // busy
    logic [31:0] cycles_high;   // its high word when the low one was read

    assign busy = queued != '0;

    always_ff @(posedge clk) begin
        if (!flow_rst_n) begin
            batches     <= '0;
            cycles      <= '0;
            cycles_high <= '0;
        end else begin
            batches <= batches + 32'(done);
            cycles  <= cycles + 64'(busy);
            if (read_valid && read_word == CYCLES_LOW) cycles_high <= cycles[63:32];
        end
    end

    // Reads.

    assign read_outside = read_word >= WORDS;

    always_comb begin
        case (read_word)
            MAGIC:       read_data = MAGIC_VALUE;
            VERSION:     read_data = VERSION_VALUE;
            CAPACITY_AT: read_data = 32'(CAPACITY);
            IDENTITY_0:  read_data = IDENTITY[31:0];
            IDENTITY_1:  read_data = IDENTITY[63:32];
            IDENTITY_2:  read_data = IDENTITY[95:64];
            IDENTITY_3:  read_data = IDENTITY[127:96];
            STATUS:      read_data = {16'd0, queued, 4'd0, resetting, full, busy,
                                      !busy && !resetting};
            ERRORS:      read_data = 32'(errors);
            INTERRUPT:   read_data = 32'(enable);
            DONE:        read_data = 32'(finished);
            BATCHES:     read_data = batches;
            FRAMES_IN:   read_data = frames_in;
            FRAMES_OUT:  read_data = frames_out;
            SOURCE_LOW:  read_data = source[31:0];
            SOURCE_HIGH: read_data = source[63:32];
            TARGET_LOW:  read_data = target[31:0];
            TARGET_HIGH: read_data = target[63:32];
            FRAMES:      read_data = frames;
            CYCLES_LOW:  read_data = cycles[31:0];
            CYCLES_HIGH: read_data = cycles_high;
            LATENCY:     read_data = latency;
            INTERVAL:    read_data = interval;
            default:     read_data = '0;
        endcase
    end

endmodule
