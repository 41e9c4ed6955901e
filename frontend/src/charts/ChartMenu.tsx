import { ActionIcon, Menu } from "@mantine/core";
import { useClipboard } from "@mantine/hooks";
import { Icon } from "../parts/Icon";
import classes from "./ChartMenu.module.css";
import type { ImageFormat } from "./save";

export interface Curve {
  key: string;
  name: string;
  isHidden: boolean;
}

interface Props {
  title: string;
  isTable: boolean;
  onTable: () => void;
  isLarge: boolean;
  onLarge: () => void;
  /** Left out where the values have no logarithm. */
  log?: { isOn: boolean; toggle: () => void } | undefined;
  /** Left out where nothing is smoothed that is not already. */
  smoothAll?: { isOn: boolean; toggle: () => void } | undefined;
  zoom?: { isZoomed: boolean; in: () => void; reset: () => void } | undefined;
  curves?: { all: readonly Curve[]; toggle: (key: string) => void; showAll: () => void } | undefined;
  onImage: (format: ImageFormat) => void;
  onCsv: () => void;
  link?: string | undefined;
  curl?: string | undefined;
}

/** Where it may open: clear of the site's header, on the side that has more room, and no higher than that is. */
const EDGES = { top: 64, bottom: 8 };
const ROOM = { flip: { padding: EDGES, fallbackStrategy: "bestFit" }, size: { padding: EDGES } } as const;

/** Everything that can be done with a chart, also by keyboard and on a phone. */
export function ChartMenu({ title, isTable, onTable, isLarge, onLarge, log, smoothAll, zoom, curves, onImage, onCsv, link, curl }: Props) {
  const { copy, copied } = useClipboard({ timeout: 1_500 });
  return (
    <Menu position="bottom-end" width={230} shadow="md" middlewares={ROOM} closeOnItemClick classNames={{ dropdown: classes.dropdown, item: classes.item }}>
      <Menu.Target>
        <ActionIcon variant="subtle" color="gray" size={28} aria-label={copied ? "Copied" : `Options: ${title}`}>
          <Icon name={copied ? "check" : "more"} size={16} />
        </ActionIcon>
      </Menu.Target>
      <Menu.Dropdown>
        <Menu.Item onClick={onLarge}>{isLarge ? "Make it small again" : "Enlarge"}</Menu.Item>
        <Menu.Item onClick={onTable}>{isTable ? "Show as chart" : "Show as table"}</Menu.Item>
        {log && <Check isOn={log.isOn} onClick={log.toggle} text="Logarithmic scale" />}
        {smoothAll && <Check isOn={smoothAll.isOn} onClick={smoothAll.toggle} text="Smooth this chart too" />}
        {zoom && <Menu.Item onClick={zoom.in}>Zoom in on the end</Menu.Item>}
        {zoom?.isZoomed && <Menu.Item onClick={zoom.reset}>Reset zoom</Menu.Item>}
        {curves && curves.all.length > 1 && (
          <>
            <Menu.Divider />
            <Menu.Label>Curves</Menu.Label>
            {curves.all.map(({ key, name, isHidden }) => (
              <Check key={key} isOn={!isHidden} onClick={() => curves.toggle(key)} text={name} stay />
            ))}
            {curves.all.some(({ isHidden }) => isHidden) && <Menu.Item onClick={curves.showAll}>Show all curves</Menu.Item>}
          </>
        )}
        <Menu.Divider />
        <Menu.Item onClick={() => onImage("png")}>Save as PNG</Menu.Item>
        <Menu.Item onClick={() => onImage("svg")}>Save as SVG</Menu.Item>
        <Menu.Item onClick={onCsv}>Save numbers as CSV</Menu.Item>
        {(link || curl) && <Menu.Divider />}
        {link && <Menu.Item onClick={() => copy(link)}>Copy link</Menu.Item>}
        {curl && <Menu.Item onClick={() => copy(curl)}>Copy as curl</Menu.Item>}
      </Menu.Dropdown>
    </Menu>
  );
}

function Check({ isOn, onClick, text, stay = false }: { isOn: boolean; onClick: () => void; text: string; stay?: boolean }) {
  return (
    <Menu.Item
      role="menuitemcheckbox"
      aria-checked={isOn}
      closeMenuOnClick={!stay}
      onClick={onClick}
      rightSection={<span className={classes.check}>{isOn && <Icon name="check" size={14} />}</span>}
    >
      {text}
    </Menu.Item>
  );
}
