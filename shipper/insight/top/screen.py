"""A board -> a screen that is drawn once a second, and the keys that change what it shows."""

import asyncio
import signal
import time
from typing import ClassVar, Final

from rich.text import Text
from textual.app import App, ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal
from textual.coordinate import Coordinate
from textual.events import Resize
from textual.widgets import DataTable, Footer, Input, Sparkline, Static

from shipper.insight.top.board import HISTORY_S, SLICES, Board, View
from shipper.insight.top.columns import COLUMNS, FEW, TITLES, Column, Look, matching, ordered, shown
from shipper.insight.top.feed import Background
from shipper.insight.top.report import headline, span, statuses, table
from shipper.insight.top.sample import Dimension

_EVERY_S: Final = 1.0
_TALL: Final = 30  # lines from which on clients and User-Agents fit below the table
_BESIDE_ROWS: Final = 6
_SILENT_S: Final = 10.0  # a broker that is away, or nothing that happens: it has to be seen
#: What stands below the table: the first two that are not in it.
_BESIDE: Final = (Dimension.CLIENTS, Dimension.USER_AGENTS, Dimension.ROUTES)


class _Figures(DataTable[Text]):
    """The table; its keys are the program's."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("tab", "app.turn(1)", "View"),
        Binding("shift+tab", "app.turn(-1)", show=False),
        Binding("w", "app.window(1)", "Window"),
        Binding("W", "app.window(-1)", show=False),
        Binding("left", "app.sort(-1)", "Sort", key_display="←→"),
        Binding("right", "app.sort(1)", show=False),
        Binding("r", "app.reverse", "Reverse"),
        Binding("e", "app.failing", "Errors"),
        Binding("space", "app.pause", "Pause", key_display="␣"),
        Binding("q", "app.quit", "Quit"),
    ]


class Screen(App[None]):
    """`shipper top` on a terminal."""

    ENABLE_COMMAND_PALETTE = False
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("ctrl+c", "quit", show=False, priority=True),  # wherever the focus is
        Binding("escape", "clear", show=False),
        # Before any other key is given away: what is typed after it is meant for the filter.
        Binding("slash", "filter", "Filter", key_display="/", priority=True),
    ]
    CSS = """
    #sum { height: 2; padding: 0 1; }
    #history { height: 2; margin: 1 1; display: none; }
    #scale { width: 16; }
    #rate { height: 2; width: 1fr; }
    #state { height: 1; padding: 0 1; background: $panel; }
    #filter { height: 1; border: none; padding: 0 1; display: none; }
    #figures { height: 1fr; background: $background; }
    #beside { height: 8; display: none; }
    #beside Static {
        width: 1fr; padding: 0 1; border-top: solid $panel;
        text-wrap: nowrap; text-overflow: ellipsis;
    }
    #sum { text-wrap: nowrap; text-overflow: ellipsis; }
    #figures > .datatable--cursor { background: $primary-muted; color: $text; }
    .tall #history { display: block; }
    .tall #beside { display: block; }
    """

    def __init__(self, board: Board, background: Background, source: str, look: Look) -> None:
        super().__init__()
        self._board = board
        self._background = background
        self._source = source
        self._window = board.windows.index(look.window)
        self._dimension = look.dimension
        self._column = look.column
        self._ascending = False
        self._width = self.size.width
        self._text = ""
        self._failing = False
        self._paused = False
        self._shape: list[tuple[str, int | None]] = []
        self._history: list[int] = []
        self._views: dict[Dimension, View] = {}

    def compose(self) -> ComposeResult:
        """Sum, rate, state, table, clients and User-Agents, keys."""
        yield Static(id="state")
        yield Static(id="sum")
        with Horizontal(id="history"):
            yield Static(id="scale")
            yield Sparkline(id="rate")
        yield _Figures(id="figures", cursor_type="row", zebra_stripes=True, cell_padding=0)
        with Horizontal(id="beside"):
            yield Static(id="left")
            yield Static(id="right")
        yield Input(
            id="filter",
            placeholder="part of a name; Enter keeps it, Escape forgets it",
            select_on_focus=False,  # it would be told late, and select what was typed meanwhile
        )
        yield Footer(show_command_palette=False)

    def on_mount(self) -> None:
        """Begin to draw; end in order when told to."""
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, self.exit)
        self.set_interval(_EVERY_S, self._tick)
        self.query_one(_Figures).focus()
        self._again()

    def on_resize(self, event: Resize) -> None:
        """Another size shows other parts; `self.size` is still the old one."""
        self._width = event.size.width
        self.screen.set_class(event.size.height >= _TALL, "tall")
        self._again()

    def _tick(self) -> None:
        if self._background.fault is not None:
            self.exit()
        elif not self._paused:
            self._take()
            self._draw()

    def _take(self, *wanted: Dimension) -> None:
        """Look at the board: for what is shown, and `wanted`."""
        dimensions = {self._dimension, *wanted}
        if self.screen.has_class("tall"):
            dimensions.update(self._beside())
        now = time.time()
        seconds = self._board.windows[self._window]
        with self._background.lock:
            self._views = {
                dimension: self._board.view(seconds, dimension, now) for dimension in dimensions
            }
            self._history = self._board.history(now)

    def _draw(self) -> None:
        """Show what was taken."""
        view = self._views[self._dimension]
        self.query_one("#state", Static).update(self._state(view))
        sums = Text("\n").join((headline(view.total), statuses(view.total)))
        self.query_one("#sum", Static).update(sums)
        self.query_one("#rate", Sparkline).data = self._history
        scale = f"req/s, {span(HISTORY_S)}\nat most {max(self._history)}"
        self.query_one("#scale", Static).update(Text(scale, "dim"))
        self._fill(self.query_one(_Figures), view)
        for place, dimension in zip(("#left", "#right"), self._beside(), strict=False):
            if dimension in self._views:
                lines = ordered(self._views[dimension].lines, COLUMNS[0])
                rows = table(lines[:_BESIDE_ROWS], dimension, FEW, _BESIDE_ROWS)
                self.query_one(place, Static).update(
                    Text("\n", no_wrap=True, overflow="ellipsis").join(rows)
                )

    def _beside(self) -> list[Dimension]:
        return [dimension for dimension in _BESIDE if dimension is not self._dimension][:2]

    def _state(self, view: View) -> Text:
        seconds = self._board.windows[self._window]
        text = Text.assemble(
            ("shipper top", "bold"), f"  {self._source}  ", (f"last {span(seconds)}", "bold")
        )
        if view.span_s < seconds - seconds / SLICES:
            text.append(f", {span(max(0, int(view.span_s)))} so far", "dim")
        if self._text:
            text.append(f"  holding “{self._text}”", "yellow")
        if self._failing:
            text.append("  with errors", "yellow")
        if self._paused:
            text.append("  paused", "bold reverse")
        silent = time.time() - self._background.read_at
        if silent > _SILENT_S:
            text.append(f"  nothing came for {span(int(silent))}", "yellow")
        if self._background.ended:
            text.append("  the source has ended", "yellow")
        for count, what in ((self._board.late, "late"), (self._background.malformed, "malformed")):
            if count:
                text.append(f"  {count} {what}", "yellow")
        return text

    def _fill(self, figures: _Figures, view: View) -> None:
        """Rows stay where they are and change what they hold, and so the cursor stays too."""
        columns = shown(self._width)
        if self._shape != (heading := self._heading(columns)):
            self._shape = heading
            figures.clear(columns=True)
            for title, width in heading:
                figures.add_column(Text(title, justify="right" if width else "left"), width=width)
        lines = matching(view.lines, self._text, failing=self._failing)
        lines = ordered(lines, self._column, ascending=self._ascending)
        for row, line in enumerate(lines):
            cells = [
                *(Text(c.show(line), c.style(line), justify="right") for c in columns),
                Text(f"  {line.name}", no_wrap=True),
            ]
            if row == figures.row_count:
                figures.add_row(*cells, key=str(row))
            else:
                for place, cell in enumerate(cells):
                    figures.update_cell_at(Coordinate(row, place), cell)
        for row in range(len(lines), figures.row_count):
            figures.remove_row(str(row))

    def _heading(self, columns: list[Column]) -> list[tuple[str, int | None]]:
        arrow = "▲" if self._ascending else "▼"
        titles: list[tuple[str, int | None]] = [
            (f"{arrow if c is self._column else ''}{c.title}", c.width + 1) for c in columns
        ]
        return [*titles, (f"  {TITLES[self._dimension]}", None)]

    def action_turn(self, by: int) -> None:
        """Count by something else."""
        self._dimension = Dimension((self._dimension + by) % len(Dimension))
        self._again()

    def action_window(self, by: int) -> None:
        """The next length of time."""
        self._window = (self._window + by) % len(self._board.windows)
        self._again()

    def action_sort(self, by: int) -> None:
        """Lead with the next column that is shown."""
        columns = shown(self._width)
        place = columns.index(self._column) if self._column in columns else 0
        self._column = columns[(place + by) % len(columns)]
        self._draw()

    def action_reverse(self) -> None:
        """The least first, or the greatest again."""
        self._ascending = not self._ascending
        self._draw()

    def action_failing(self) -> None:
        """Only what has errors, or all again."""
        self._failing = not self._failing
        self._draw()

    def action_pause(self) -> None:
        """Hold what is shown, of every dimension; counting goes on."""
        self._paused = not self._paused
        self._take(*Dimension)
        self._draw()

    def action_filter(self) -> None:
        """Ask for a part of a name."""
        asked = self.query_one(Input)
        if self.screen.focused is asked:
            asked.insert_text_at_cursor("/")
        asked.display = True
        self.screen.set_focus(asked)  # at once, unlike focus()

    def action_clear(self) -> None:
        """Forget the filters."""
        self._failing = False
        self.query_one(Input).value = ""
        self._leave_filter()

    def on_input_changed(self, event: Input.Changed) -> None:
        """Filter while it is typed."""
        self._text = event.value
        self._draw()

    def on_input_submitted(self) -> None:
        """Keep the filter."""
        self._leave_filter()

    def _leave_filter(self) -> None:
        self.query_one(Input).display = False
        self.screen.set_focus(self.query_one(_Figures))
        self._draw()

    def _again(self) -> None:
        """What is shown has changed: paused, only among what was taken then."""
        if not self._paused:
            self._take()
        self._draw()
