// Overload: how near the gateway is to turning calls away, and the lines for connections to the regions.
import type {
  LiveConnections,
  LiveLoad,
  LiveOverload,
  LivePressure,
  LiveRegion,
  LiveState,
} from '../../listener/admin-live-types.ts';
import { createChart } from './chart.ts';
import { createList, h, setText } from './dom.ts';
import { count, percent, perSecond, perSecondTick } from './format.ts';
import { createMeter, section } from './parts.ts';
import type { Sample } from './samples.ts';
import { createTable } from './table.ts';

const KINDS: readonly (readonly [LivePressure, string])[] = [
  ['event_loop', 'Event loop'],
  ['heap', 'Heap'],
  ['memory', 'Memory'],
];
const LOADS: readonly (readonly [LiveLoad, string])[] = [
  ['anonymous', 'Without credentials'],
  ['authenticated', 'With credentials'],
];

interface Measure {
  readonly name: string;
  readonly ofBound: number;
}

interface TurnedAway {
  readonly who: string;
  readonly refused: number;
  readonly shadow: number;
}

export interface OverloadPart {
  readonly element: HTMLElement;
  update(samples: readonly Sample[], state: LiveState): void;
  close(): void;
}

/** @param seconds how much of the time gone by the chart shows */
export function createOverload(seconds: number): OverloadPart {
  const meters = h('div', { class: 'budgets' });
  const measures = createList<Measure>(meters, ({ name }) => name, createMeasure);
  const turned = createTable<TurnedAway>({
    caption: 'Calls turned away for want of time or memory',
    keyOf: ({ who }) => who,
    empty: '',
    columns: [
      { head: 'Calls', cell: ({ who }) => who },
      { head: 'Turned away', numeric: true, cell: ({ refused }) => perSecond(refused) },
      { head: 'Would be', numeric: true, cell: ({ shadow }) => perSecond(shadow) },
    ],
  });
  const callers = createTable<LiveConnections>({
    caption: 'Connections of callers',
    keyOf: () => '',
    empty: '',
    columns: [
      { head: 'Connections of callers', cell: ({ open }) => count(open) },
      { head: 'Refused, all in use', numeric: true, cell: ({ refused }) => perSecond(refused.all) },
      { head: 'Refused, of one address', numeric: true, cell: ({ refused }) => perSecond(refused.address) },
      { head: 'Ended unused', numeric: true, cell: ({ reclaimed }) => perSecond(reclaimed) },
    ],
  });
  const lines = createTable<LiveRegion>({
    caption: 'Lines for connections to the regions',
    keyOf: ({ name }) => name,
    empty: '',
    columns: [
      { head: 'Region', cell: ({ name }) => h('code', {}, name) },
      { head: 'In use', numeric: true, cell: ({ inUse }) => count(inUse) },
      { head: 'Waiting', numeric: true, cell: ({ waiting }) => count(waiting) },
      { head: 'Line full', numeric: true, cell: ({ turnedAway }) => perSecond(turnedAway.full) },
      { head: 'Share full', numeric: true, cell: ({ turnedAway }) => perSecond(turnedAway.share) },
      { head: 'Waited too long', numeric: true, cell: ({ turnedAway }) => perSecond(turnedAway.late) },
    ],
  });
  const chart = createChart({
    title: 'Turned away, by overload and at the lines',
    format: perSecond,
    tick: perSecondTick,
  });
  const element = section(
    'Overload',
    {
      note: 'Of the thread that is nearest to its bounds. From 100 % on calls are turned away, without credentials first.',
    },
    meters,
    turned.element,
    callers.element,
    lines.element,
    h('div', { class: 'charts' }, chart.element),
  );
  return {
    element,
    update(samples, { overload, regions }) {
      measures(measuresOf(overload));
      turned.set(LOADS.map(([load, who]) => ({ who, refused: overload.refused[load], shadow: overload.shadow[load] })));
      callers.set([overload.connections]);
      lines.set(regions);
      const ofLine = ({ name }: LiveRegion) => ({
        name: `line for ${name}`,
        pick: (state: LiveState) => {
          const region = state.regions.find((candidate) => candidate.name === name);
          return region === undefined ? null : awayOf(region);
        },
      });
      const ofOverload = {
        name: 'overload',
        pick: ({ overload: { refused } }: LiveState) => refused.anonymous + refused.authenticated,
      };
      chart.update(samples, [ofOverload, ...regions.map(ofLine)], seconds);
    },
    close: () => chart.close(),
  };
}

const awayOf = ({ turnedAway: { full, share, late } }: LiveRegion): number => full + share + late;

/** What is not measured is not shown. */
function measuresOf({ pressure }: LiveOverload): Measure[] {
  return KINDS.flatMap(([kind, name]) => {
    const ofBound = pressure[kind];
    return ofBound === undefined ? [] : [{ name, ofBound }];
  });
}

function createMeasure({ name }: Measure) {
  const meter = createMeter(`${name}, of its bound`);
  const says = h('span');
  return {
    element: h('div', { class: 'gauge' }, h('span', {}, name), meter.element, says),
    update({ ofBound }: Measure) {
      meter.set(ofBound, percent(ofBound));
      setText(says, percent(ofBound));
    },
  };
}
