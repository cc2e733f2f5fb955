// Plots as SVG files, drawn without a browser.
import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { type EChartsOption, init } from 'echarts';

export interface Series {
  readonly name: string;
  readonly points: readonly (readonly [x: number, y: number])[];
  /** Written at each point. */
  readonly labels?: readonly string[];
}

/** One pair of axes; a plot has several below each other. */
export interface Panel {
  readonly title: string;
  readonly series: readonly Series[];
  readonly x: { readonly name: string; readonly log?: boolean };
  readonly y: { readonly name: string; readonly fromZero?: boolean };
  /** A horizontal line that the values may not pass. */
  readonly bound?: { readonly at: number; readonly name: string };
}

export interface Plot {
  readonly title: string;
  readonly subtitle: string;
  readonly panels: readonly Panel[];
}

const WIDTH = 860;
const HEAD = 70;
const PANEL = 250;
const INNER = 150;
const COLORS = ['#0b6bcb', '#c2410c', '#15803d', '#7c3aed'];

const short = (value: number): string => {
  const units = [
    [1e6, 'M'],
    [1e3, 'k'],
  ] as const;
  const [size, unit] = units.find(([least]) => value >= least) ?? [1, ''];
  return `${Number((value / size).toPrecision(3))}${unit}`;
};

function axes(panel: Panel, at: number) {
  const { x, y } = panel;
  return {
    grid: { left: 76, right: 40, top: HEAD + at * PANEL + 52, height: INNER },
    xAxis: {
      gridIndex: at,
      type: x.log ? ('log' as const) : ('value' as const),
      name: x.name,
      nameLocation: 'middle' as const,
      nameGap: 28,
      axisLabel: { formatter: short },
      splitLine: { show: false },
    },
    yAxis: {
      gridIndex: at,
      type: 'value' as const,
      name: y.name,
      nameTextStyle: { align: 'left' as const, padding: [0, 0, 0, -50] },
      scale: y.fromZero !== true,
    },
  };
}

function lines({ series, bound }: Panel, at: number) {
  return series.map(({ name, points, labels }, index) => ({
    type: 'line' as const,
    name,
    xAxisIndex: at,
    yAxisIndex: at,
    color: COLORS[index % COLORS.length] ?? '#000000',
    data: points.map(([x, y], point) => ({ value: [x, y], label: { formatter: labels?.[point] ?? '' } })),
    showSymbol: points.length <= 20,
    symbolSize: 7,
    label: { show: labels !== undefined, position: 'bottom' as const },
    lineStyle: { width: 2 },
    ...(bound === undefined || index > 0
      ? {}
      : {
          markLine: {
            symbol: 'none',
            lineStyle: { color: '#b91c1c', type: 'dashed' as const },
            label: { formatter: bound.name, position: 'insideStartTop' as const, color: '#b91c1c' },
            data: [{ yAxis: bound.at }],
          },
        }),
  }));
}

/** The text of an SVG file, readable on light and dark pages. */
export function svgOf({ title, subtitle, panels }: Plot): string {
  const chart = init(null, null, { renderer: 'svg', ssr: true, width: WIDTH, height: HEAD + panels.length * PANEL });
  const parts = panels.map(axes);
  const option: EChartsOption = {
    animation: false,
    backgroundColor: '#ffffff',
    title: [
      { text: title, subtext: subtitle, left: 16, top: 10 },
      ...panels.map((panel, at) => ({
        text: panel.title,
        left: 16,
        top: HEAD + at * PANEL,
        textStyle: { fontSize: 13 },
      })),
    ],
    legend: panels.map(({ series }, at) => ({
      data: series.map(({ name }) => name),
      top: HEAD + at * PANEL,
      right: 24,
      show: series.length > 1,
    })),
    grid: parts.map(({ grid }) => grid),
    xAxis: parts.map(({ xAxis }) => xAxis),
    yAxis: parts.map(({ yAxis }) => yAxis),
    series: panels.flatMap(lines),
  };
  chart.setOption(option);
  const svg = chart.renderToSVGString();
  chart.dispose();
  return svg;
}

export function writePlot(file: string, plot: Plot): void {
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, `${svgOf(plot)}\n`);
}
